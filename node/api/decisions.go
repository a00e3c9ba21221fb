package api

import "time"

// Member is a member as the charter has it.
type Member struct {
	Handle      string            `json:"handle"`
	Kind        string            `json:"kind" doc:"city, region or organisation"`
	Category    string            `json:"category,omitempty" doc:"full, associate, allied, honorary or partner"`
	Country     string            `json:"country,omitempty"`
	City        string            `json:"city,omitempty"`
	Names       map[string]string `json:"names"`
	Status      string            `json:"status" doc:"member, applied, suspended or removed"`
	Offices     []Office          `json:"offices,omitempty"`
	Nodes       []MemberNode      `json:"nodes"`
	Records     int               `json:"records"`
	Root        string            `json:"root" doc:"public root key"`
	Fingerprint string            `json:"fingerprint" doc:"twelve digits to compare by telephone"`
	Designation uint64            `json:"designation,omitempty" doc:"number of the last statement that says which node answers for it"`
	Rebinding   *Rebinding        `json:"rebinding,omitempty" doc:"an announced replacement of its root key"`
}

// Rebinding is an announced replacement of a member's root key, which is not decided yet.
type Rebinding struct {
	Root        string `json:"root" doc:"the new public root key"`
	Fingerprint string `json:"fingerprint" doc:"of the new key"`
	Until       string `json:"until" doc:"last day on which the old root key can object"`
	Act         uint64 `json:"act" doc:"number of the act that announced it"`
	ActID       string `json:"act_id"`
	Objected    bool   `json:"objected,omitempty" doc:"the old root key lives and objects"`
}

// MemberNode is a node key of a member.
type MemberNode struct {
	ID        string `json:"id" doc:"public key of the node"`
	Governing bool   `json:"governing,omitempty" doc:"answers decisions for the member"`
	Cut       bool   `json:"cut,omitempty" doc:"no longer speaks for the member"`
	Root      string `json:"root,omitempty" doc:"the former root key that added it; absent where it is the present one"`
	Begun     bool   `json:"begun,omitempty" doc:"it has written something"`
}

// Office is a mandate. Days are YYYY-MM-DD.
type Office struct {
	Office string `json:"office" doc:"chair_city, co_chair_gov, co_chair_sse, steering, host_city or secretariat"`
	Member string `json:"member,omitempty"`
	From   string `json:"from,omitempty"`
	To     string `json:"to,omitempty"`
}

// Decisions is the act line and what is open on it.
type Decisions struct {
	Act          uint64        `json:"act" doc:"number of the last act"`
	Round        uint64        `json:"round" doc:"round of the next act"`
	Halted       bool          `json:"halted,omitempty" doc:"two acts claim one number; the assembly must choose"`
	Electors     []string      `json:"electors" doc:"handles of those who decide"`
	Needed       int           `json:"needed" doc:"answers that make an act"`
	Acts         []Act         `json:"acts" doc:"the line, oldest first; act 0 is the founding act"`
	Open         []Decision    `json:"open" doc:"tabled on the last act, by local arrival"`
	Applications []Application `json:"applications"`
	Invitations  []Invitation  `json:"invitations" doc:"given out by this member, without their secret lines"`
}

// Act is a final decision.
type Act struct {
	Number  uint64            `json:"number"`
	ID      string            `json:"id"`
	Changes []Change          `json:"changes"`
	Text    map[string]string `json:"text,omitempty"`
	Time    time.Time         `json:"time,omitzero" doc:"when it was certified, as its author says"`
}

// Decision is a tabled change.
type Decision struct {
	Number  uint64            `json:"number" doc:"number it would have as an act"`
	Round   uint64            `json:"round"`
	ID      string            `json:"id"`
	By      string            `json:"by" doc:"handle of the member that tabled it"`
	Changes []Change          `json:"changes"`
	Text    map[string]string `json:"text,omitempty"`
	Final   bool              `json:"final" doc:"it is an act"`
	Stale   bool              `json:"stale,omitempty" doc:"another became the act of this number"`
	For     []string          `json:"for" doc:"handles that answered with it"`
	None    []string          `json:"none" doc:"handles that answered none of these in this round"`
	Missing []string          `json:"missing" doc:"electors that have not answered in this round"`
	Needed  int               `json:"needed" doc:"answers still needed"`

	Objected bool   `json:"objected,omitempty" doc:"confirm_rebind: the old root key objects; nodes do not approve it"`
	After    string `json:"after,omitempty" doc:"confirm_rebind: only approvals of days after this one count"`
}

// Fate is a decision and what became of it.
type Fate struct {
	Decision
	State   string    `json:"state" enum:"act,open,stale,halted,invalid,waiting" doc:"act: decided; open: can be answered; stale: overtaken; halted: part of a contradiction; invalid: breaks a rule; waiting: names what has not arrived here"`
	Time    time.Time `json:"time,omitzero" doc:"when it was tabled, as its author says"`
	Why     string    `json:"why,omitempty" enum:"replaced,base,assembly,contradiction,rule" doc:"stale: replaced by the act of its number, its base does not stand, or the assembly has decided; halted: contradiction; invalid: the rule in breaks"`
	Breaks  string    `json:"breaks,omitempty" doc:"invalid: code of the rule"`
	Instead []Act     `json:"instead,omitempty" doc:"stale: the act that stands in its place; halted: the acts that contradict each other"`
}

// Change is one change of charter, membership or office. Kind says which of the other
// fields count. Append only.
type Change struct {
	Kind        string            `json:"kind" doc:"admit, suspend, reinstate, remove, categorise, amend_names, amend_charter, amend_rules, appoint, end_office, cut, settle, erase, unflag, rebind, confirm_rebind or feature"`
	Member      string            `json:"member,omitempty"`
	Application string            `json:"application,omitempty" doc:"admit: CID of the application, or its handle"`
	Category    string            `json:"category,omitempty" doc:"admit: full, associate, allied, honorary or partner"`
	Office      string            `json:"office,omitempty" doc:"appoint, end"`
	From        string            `json:"from,omitempty" doc:"appoint: first day"`
	To          string            `json:"to,omitempty" doc:"appoint: last day"`
	Key         string            `json:"key,omitempty" doc:"add_node, cut_node, govern, rebind: a public key"`
	Close       bool              `json:"close,omitempty" doc:"rebind, confirm_rebind: the old key was stolen; what it signs later does not count"`
	Feed        string            `json:"feed,omitempty" doc:"settle: the forked chain of entries, named as in /evidence"`
	Branch      string            `json:"branch,omitempty" doc:"settle: letter of the history that counts, as far as this node holds it; instead of count and head"`
	Count       uint64            `json:"count,omitempty" doc:"settle, remove: entries that stand"`
	Head        string            `json:"head,omitempty" doc:"settle: last entry that stands; erase: the entry whose content goes, where no record is named"`
	Record      string            `json:"record,omitempty" doc:"erase: the record whose content goes, with all its versions; unflag: the record that is not to be folded away; named as for get-record"`
	Why         map[string]string `json:"why,omitempty" doc:"erase and unflag: the reason shown with the record, by language"`
	Rules       string            `json:"rules,omitempty" doc:"amend: name of a rule set"`
	Names       map[string]string `json:"names,omitempty" doc:"amend: the federation's names"`
	Charter     map[string]string `json:"charter,omitempty" doc:"amend: charter text by language"`
	Feature     string            `json:"feature,omitempty" doc:"feature: what is switched on for everybody, one of those that this program knows"`
}

// Proposal tables a decision.
type Proposal struct {
	Changes  []Change          `json:"changes" minItems:"1" maxItems:"16"`
	Text     map[string]string `json:"text,omitempty" doc:"reasons, by language"`
	NoAnswer bool              `json:"no_answer,omitempty" doc:"do not answer it at once"`
	After    string            `json:"after,omitempty" doc:"assembly: CID of the act it follows, to overrule later ones or to choose a branch; empty: the last"`
	Assembly bool              `json:"assembly,omitempty" doc:"the assembly decides, not the committee"`
}

// AnswerRequest answers for act number Number. With None it says none of these;
// otherwise Decision names one, and may be empty where only one is open.
type AnswerRequest struct {
	Number   uint64 `json:"-"`
	Decision string `json:"decision,omitempty"`
	None     bool   `json:"none,omitempty"`
}

// Application is somebody who asks to be let in.
type Application struct {
	ID          string            `json:"id"`
	Handle      string            `json:"handle"`
	Kind        string            `json:"kind"`
	Country     string            `json:"country,omitempty"`
	City        string            `json:"city,omitempty"`
	Names       map[string]string `json:"names"`
	Fingerprint string            `json:"fingerprint" doc:"twelve digits to compare by telephone"`
	By          string            `json:"by" doc:"handle of the member that invited"`
	Time        time.Time         `json:"time,omitzero"`
}

// InviteRequest asks for a pasteable line.
type InviteRequest struct {
	Handle string `json:"handle" doc:"handle proposed to the invited; a founder's or one's own for a further node"`
	Days   int    `json:"days,omitempty" minimum:"0" maximum:"90" doc:"life of the line; 0 means 14"`
	Trust  bool   `json:"trust,omitempty" doc:"a committee of one admits at once"`
	Known  bool   `json:"known,omitempty" doc:"for a founder or a further node of a member: no secret, the root key is known"`
}

// Invitation is a line that lets a member in.
type Invitation struct {
	Line        string    `json:"line,omitempty" doc:"the pasteable line; contains a secret that works once"`
	Handle      string    `json:"handle"`
	Expires     time.Time `json:"expires,omitzero"`
	Fingerprint string    `json:"fingerprint,omitempty" doc:"of the one-time key"`
	Used        bool      `json:"used,omitempty"`
}
