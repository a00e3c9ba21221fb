package protocol

// Every signature covers a tag that says what is signed, the federation it is said
// in (except for a card, which comes before any federation), and the canonical bytes
// of what is said. Lengths need no separators: tags end in a zero byte, a CID has 36
// bytes, and the rest is one canonical CBOR item.
const (
	tagEntry     = "dure/entry/1\x00"
	tagStatement = "dure/root/1\x00"
	tagCard      = "dure/card/1\x00"
	tagApplyRoot = "dure/apply-root/1\x00"
	tagApplySeed = "dure/apply-seed/1\x00"
	tagHealth    = "dure/health/1\x00"
)

// SignedBytes is what a signature over content covers: tag ‖ federation ‖ canonical
// content. An undefined federation adds no bytes and is used by cards alone. Other
// packages of the protocol bring their own tag, which must end in a zero byte.
func SignedBytes(tag string, federation FederationID, content any) ([]byte, error) {
	body, err := Encode(content)
	if err != nil {
		return nil, err
	}
	return signedRaw(tag, federation, body), nil
}

func signedRaw(tag string, federation FederationID, body []byte) []byte {
	msg := make([]byte, 0, len(tag)+cidBytes+len(body))
	msg = append(msg, tag...)
	if federation.Defined() {
		msg = append(msg, federation.KeyString()...)
	}
	return append(msg, body...)
}
