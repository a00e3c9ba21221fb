package record

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/dure-net/dure/protocol"
)

// Bodies with every field of their type; the strict tests change one thing at a time.
// TestFull_HasEveryField holds them complete.
var full = map[protocol.Kind]string{
	protocol.KindProfile: `{"type":"profile","lang":"ko","machine":["es"],"names":{"ko":"서울특별시","es":"Seúl"},"kind":"city",
		"stakeholder":"local_government","country":"KR","international":true,"place":{"country":"KR","label":"서울","locode":"KRSEL","lat":"37.566","lon":"126.9784"},
		"mission":{"ko":"함께\n일합니다"},"sectors":["4","6"],"sector_scheme":"icnpo","themes":["care"],"sdgs":[11,17],"working_languages":["ko","en"],
		"contact":{"role":{"ko":"사회적경제과"},"email":"sse@example.org","form":"https://example.org/form?x=1"},"web":"https://example.org",
		"population_band":"over_5m","executive_head":{"role":{"ko":"시장"},"name":"이름"},"focal_point":{"role":{"ko":"담당 부서"}}}`,
	protocol.KindProject: `{"type":"project","lang":"en","machine":["ko"],"title":{"en":"Care","ko":"돌봄"},"summary":{"en":"S"},"body":{"en":"B"},"status":"active",
		"themes":["care","youth"],"sdgs":[3],"place":{"country":"KR","label":"Seoul"},"starts":"2026-09-01","ends":"2028-08-31","partners":["kr-sen"],
		"goals":[{"text":{"en":"Five"},"target":{"value":"5","unit":"C62"},"reached":{"value":"2.5","unit":"C62"}}],
		"budget":{"value":"1000.50","currency":"EUR"},"links":["@one"],` + files + `}`,
	protocol.KindExperience: `{"type":"experience","lang":"en","machine":["fr"],"title":{"en":"T"},"summary":{"en":"S","fr":"S"},"period":{"from":"2019-03-01","to":"2024-12-31"},
		"place":{"country":"HK","label":"Hong Kong"},"problem":{"en":"P"},"approach":{"en":"A"},"results":[{"metric":{"en":"M"},"value":"3.1","unit":"P1"}],
		"lessons":{"en":"L"},"costs":{"value":"10","currency":"KRW"},"people_needed":{"value":"3","unit":"IE"},"transfer_conditions":["legal_basis","other"],
		"themes":["women"],"sdgs":[5],"licence":"CC-BY-4.0","state":"published",` + files + `}`,
	protocol.KindOffer:   listing("offer", `"kind":"material","mode":"lend","goods":"tools","condition":"good","cpv":"43830000","quantity":{"value":"10","unit":"C62"},"minimum":{"value":"2","unit":"C62"},`),
	protocol.KindRequest: listing("request", `"kind":"personnel","mode":"trainer","skills":["2351"],"level":"senior","effort":{"value":"10","unit":"DAY"},"minimum":{"value":"2","unit":"DAY"},`),
	protocol.KindNotice: `{"type":"notice","lang":"fr","machine":["ko"],"category":"call","title":{"fr":"Appel","ko":"모집"},"body":{"fr":"Texte"},"audience":"college",
		"audience_list":["youth"],"valid_from":"2026-12-01","valid_until":"2026-12-31","urgent":true,"link":"@one","ack_wanted":true,` + files + `,"themes":["youth"],"deadline":"2026-12-24"}`,
	protocol.KindProposal: `{"type":"proposal","lang":"en","machine":["ko"],"title":{"en":"Laptops","ko":"노트북"},"offer":"@one","request":"@two",
		"parties":["kr-seoul","sn-dakar"],"clauses":[{"no":1,"provider":"kr-seoul","receiver":"sn-dakar","action":"transfer_custody","what":{"en":"Laptops"},
		"goods":"computers","quantity":{"value":"10","unit":"C62"},"window":{"from":"2027-01-01","to":"2027-02-01"},"place":{"country":"SN","label":"Dakar"},"meets":["offer","request"]},
		{"no":2,"provider":"sn-dakar","receiver":"kr-seoul","action":"return_custody","what":{"en":"Laptops"},"quantity":{"value":"10","unit":"C62"},"due":"2027-12-01","reciprocal_of":1},
		{"no":4,"provider":"sn-dakar","receiver":"kr-seoul","action":"work","what":{"en":"Training"},"skill":"2351","amount":{"value":"5","currency":"EUR"},"due":"2027-12-01","reciprocal_of":1}],
		"respond_by":"2026-12-20","terms":{"en":"T"},"governing":{"costs":{"shipping":"shared"},"insurance":{"en":"I"},"data":{"en":"D"},"intellectual_property":{"en":"P"},"cancellation_notice":"P2W"},
		"thread":"@one","replaces":"@two"}`,
	protocol.KindAcceptance:   `{"type":"acceptance","lang":"en","machine":["ko"],"proposal":"@one","digest":"` + someDigest + `","note":{"en":"N","ko":"말"}}`,
	protocol.KindConfirmation: `{"type":"confirmation","lang":"en","machine":["ko"],"proposal":"@one","digest":"` + someDigest + `","acceptances":["@one","@two"],"note":{"en":"N","ko":"말"}}`,
	protocol.KindDecline:      `{"type":"decline","lang":"en","machine":["ko"],"proposal":"@one","reason":{"en":"N","ko":"말"}}`,
	protocol.KindRetraction:   `{"type":"retraction","lang":"en","machine":["ko"],"target":"@one","reason":{"en":"N","ko":"말"}}`,
	protocol.KindFulfilment: `{"type":"fulfilment","lang":"en","machine":["ko"],"clause":1,"quantity":{"value":"92","unit":"C62"},"on":"2027-01-15","note":{"en":"N","ko":"말"},
		"corrects":"@one","less":true,` + files + `}`,
	protocol.KindCancellation: `{"type":"cancellation","lang":"en","machine":["ko"],"reason":"other","text":{"en":"N","ko":"말"},"done":{"en":"D"},"clauses":[1,99]}`,
	protocol.KindDispute:      `{"type":"dispute","lang":"en","machine":["ko"],"clause":1,"text":{"en":"N","ko":"말"}}`,
	protocol.KindMediation:    `{"type":"mediation","lang":"en","machine":["ko"],"dispute":"@one","closing":"amend","text":{"en":"N","ko":"말"}}`,
	protocol.KindCompletion:   `{"type":"completion","lang":"en","machine":["ko"],"note":{"en":"N","ko":"말"}}`,
	protocol.KindFeedback:     `{"type":"feedback","lang":"en","machine":["ko"],"outcome":"partly","would_repeat":true,"text":{"en":"N","ko":"말"},"experience":"@one"}`,
	protocol.KindWithdraw:     `{"type":"withdraw","lang":"ko","machine":["en"],"reason":{"ko":"필요 없음","en":"No longer needed"}}`,

	protocol.KindCollection: `{"type":"collection","lang":"ko","machine":["en"],"title":{"ko":"모델","en":"Model"},"summary":{"ko":"요약"},"body":{"ko":"들어가는 말"},
		"items":[{"record":"@one","comment":{"ko":"먼저 읽을 것"},"transfer_conditions":["resident_body"]},{"record":"@two"}],
		"transfer_conditions":["legal_basis"],"conditions":{"ko":"조례가 있어야 합니다."},"themes":["housing"],"sdgs":[11],"licence":"CC-BY-4.0",` + files + `}`,
	protocol.KindQuestion:    `{"type":"question","lang":"ko","machine":["en"],"text":{"ko":"몇 명까지 됩니까?","en":"How many?"}}`,
	protocol.KindReply:       `{"type":"reply","lang":"en","machine":["ko"],"text":{"en":"Five.","ko":"다섯."}}`,
	protocol.KindTranslation: `{"type":"translation","lang":"fr","version":"@one","by_machine":true,"texts":{"title":"Titre","goals[0].text":"Cinq"}}`,
	protocol.KindAdoption: `{"type":"adoption","lang":"es","machine":["en"],"since":"2026-03-01","changed":{"es":"Menos sesiones"},"result":"partly",
		"outcome":{"es":"La mitad","en":"Half"},"project":"@one"}`,
	protocol.KindEndorsement:     `{"type":"endorsement","lang":"en","machine":["fr"],"way":"verified_visit","text":{"en":"We were there.","fr":"Nous y étions."}}`,
	protocol.KindPartnership:     `{"type":"partnership","lang":"en","machine":["fr"],"step":"join","text":{"en":"Training","fr":"Formation"}}`,
	protocol.KindUpdate:          `{"type":"update","lang":"ko","machine":["en"],"text":{"ko":"세 곳","en":"Three"},"goal":1,"reached":{"value":"3","unit":"C62"},` + files + `}`,
	protocol.KindAcknowledgement: `{"type":"acknowledgement","lang":"fr","received":["@one","@two"],"closes":true}`,
	protocol.KindFlag:            `{"type":"flag","lang":"ko","machine":["en"],"step":"flag","reason":"mistaken","text":{"ko":"두 번","en":"Twice"}}`,
	protocol.KindSubmission:      `{"type":"submission","lang":"fr","machine":["ko"],"text":{"fr":"Nous venons.","ko":"갑니다."},"records":["@one"],` + files + `}`,
	protocol.KindRecall:          `{"type":"recall","lang":"ko","machine":["en"],"reason":{"ko":"잘못 썼습니다","en":"Mistake"}}`,
}

const someDigest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

const files = `"attachments":[{"id":"@file","media_type":"application/pdf","bytes":10485760,"title":{"en":"F","fr":"F","ko":"F"}}]`

func listing(typ, what string) string {
	return `{"type":"` + typ + `","lang":"en","machine":["ko"],` + what + `"title":{"en":"T","ko":"제목"},"summary":{"en":"S"},"body":{"en":"B"},
		"themes":["education"],"sdgs":[4],"divisible":true,"window":{"from":"2027-02-01","to":"2027-05-31"},"duration":"P2W","delivery":"on_site",
		"place":{"country":"KR","label":"Seoul"},"reach":{"scope":"countries","list":["KR","JP"]},"working_languages":["ko","zh-Hant"],
		"interpretation":"provider","return":"loan","costs":{"travel":"receiver","lodging":"provider","shipping":"shared","insurance":"negotiable","stipend":"none"},
		"requirements":{"en":"R"},"safeguards":true,"visibility":"network","project":"@one","valid_until":"2027-04-30","contact_role":{"en":"Office"},
		"state":"closed","closed_as":"fulfilled","continues":"@two",` + files + `}`
}

var (
	one   = protocol.Sum([]byte("one"))
	two   = protocol.Sum([]byte("two"))
	file  = protocol.Sum([]byte("a manifest"))
	chunk = protocol.SumRaw([]byte("a chunk"))
)

// fill puts CIDs in place of the @names.
func fill(s string) string {
	return strings.NewReplacer("@one", one.String(), "@two", two.String(), "@file", file.String()).Replace(s)
}

// change parses a full body after changing fields: each edit is "path" and a value, the
// value nil removing the field. Paths are dotted; numbers index lists.
func change(t *testing.T, kind protocol.Kind, edits ...any) (Record, Faults) {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(fill(full[kind])), &m); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(edits); i += 2 {
		steps := strings.Split(edits[i].(string), "/")
		var at any = m
		for _, step := range steps[:len(steps)-1] {
			switch inner := at.(type) {
			case map[string]any:
				at = inner[step]
			case []any:
				at = inner[int(step[0]-'0')]
			}
		}
		inner, ok := at.(map[string]any)
		if !ok {
			t.Fatalf("no object at %v", steps)
		}
		if edits[i+1] == nil {
			delete(inner, steps[len(steps)-1])
		} else {
			inner[steps[len(steps)-1]] = edits[i+1]
		}
	}
	raw, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	r, err := Parse(kind, raw)
	if err != nil && FaultsOf(err) == nil {
		t.Fatalf("not a fault: %v", err)
	}
	return r, FaultsOf(err)
}

// said is a fault as "field code" for tables.
func said(faults Faults) string {
	var all []string
	for _, f := range faults {
		all = append(all, strings.TrimSpace(f.Field+" "+string(f.Code)))
	}
	return strings.Join(all, "; ")
}

// sampleBodies are the bodies of the demonstration's records.
func sampleBodies(t testing.TB) [][]byte {
	t.Helper()
	raw, err := os.ReadFile("../../node/sample/records.json")
	if err != nil {
		t.Fatal(err)
	}
	var f struct {
		Records []map[string]json.RawMessage `json:"records"`
	}
	if err := json.Unmarshal(raw, &f); err != nil {
		t.Fatal(err)
	}
	var out [][]byte
	for _, m := range f.Records {
		for _, envelope := range []string{"ref", "member", "illustrative"} {
			delete(m, envelope)
		}
		b, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, b)
	}
	return out
}

// anyRef resolves every name, as a node does that holds the record.
func anyRef(name string) (protocol.RecordID, bool) { return protocol.Sum([]byte(name)), true }
