package home

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/dure-net/dure/protocol"
)

const peer = "/dns/node.example/tcp/4710/p2p/12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN"

func env(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

func TestConfig_DefaultIsValid(t *testing.T) {
	if err := Default().Validate(); err != nil {
		t.Error(err)
	}
	if err := (Config{}).Validate(); err != nil {
		t.Errorf("the zero value means the defaults: %v", err)
	}
	if got := (Config{}).WithDefaults(); !reflect.DeepEqual(got, Default()) {
		t.Errorf("got %+v", got)
	}
	if len(Keys()) >= 20 {
		t.Errorf("%d settings, want fewer than 20", len(Keys()))
	}
}

// Every field of Config is a setting with the name its toml tag says.
func TestConfig_KeysCoverEveryField(t *testing.T) {
	var names []string
	var walk func(prefix string, v reflect.Type)
	walk = func(prefix string, v reflect.Type) {
		for i := range v.NumField() {
			f := v.Field(i)
			name := prefix + f.Tag.Get("toml")
			if f.Type.Kind() == reflect.Struct {
				walk(name+".", f.Type)
				continue
			}
			if f.Tag.Get("toml") != "-" { // found out, not set
				names = append(names, name)
			}
		}
	}
	walk("", reflect.TypeFor[Config]())
	if got := Keys(); !reflect.DeepEqual(got, names) {
		t.Errorf("settings %v\nfields   %v", got, names)
	}
	for _, k := range keys {
		c := Default()
		text := map[reflect.Kind]string{reflect.String: "x", reflect.Slice: "x,y", reflect.Bool: "true", reflect.Pointer: "false", reflect.Uint64: "7"}[reflect.TypeOf(k.at(&c)).Elem().Kind()]
		if code, _ := k.set(&c, text); code != "" || c.Text(k.name) != text {
			t.Errorf("%s: set %q, got %q %q", k.name, text, c.Text(k.name), code)
		}
	}
}

// A certificate in the home is a reason to listen for others, like a proxy.
func TestSettings_ACertificateOpensTheAddress(t *testing.T) {
	for certified, want := range map[bool]protocol.Reason{true: protocol.ReasonNone, false: protocol.ReasonConfig} {
		s, err := load([]byte("[api]\nlisten = '0.0.0.0:7710'"), "f", certified, func(string) string { return "" }, nil)
		if protocol.ReasonOf(err) != want || err == nil && !s.Config.API.TLS {
			t.Errorf("with a certificate %v: got %v", certified, err)
		}
	}
	if _, err := load([]byte("[api]\ntls = true"), "f", false, func(string) string { return "" }, nil); protocol.ReasonOf(err) != protocol.ReasonConfig {
		t.Errorf("it can be said in the file: %v", err)
	}
}

func TestSettings_Precedence(t *testing.T) {
	file := []byte("lang = 'ko'\n[log]\nlevel = 'debug'\nformat = 'json'\n[api]\nlisten = '127.0.0.1:1'\n")
	s, err := load(file, "config.toml", false,
		env("DURE_LOG_LEVEL", "warn", "DURE_API_LISTEN", "127.0.0.1:2", "DURE_PEERS", peer+", "+peer, "DURE_MDNS", "false"),
		map[string]string{"api.listen": "127.0.0.1:3", "relay": "true"})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]struct {
		text string
		from Origin
	}{
		"api.listen": {"127.0.0.1:3", FromFlag}, "relay": {"true", FromFlag}, "log.level": {"warn", FromEnv},
		"peers": {peer + "," + peer, FromEnv}, "mdns": {"false", FromEnv}, "log.format": {"json", FromFile}, "lang": {"ko", FromFile},
		"listen": {Default().Text("listen"), FromDefault}, "storage.floor_bytes": {Default().Text("storage.floor_bytes"), FromDefault},
	}
	for name, w := range want {
		if got := s.Config.Text(name); got != w.text || s.Origins[name] != w.from {
			t.Errorf("%s: got %q from %s, want %q from %s", name, got, s.Origins[name], w.text, w.from)
		}
	}
	if len(s.Origins) != len(keys) {
		t.Errorf("%d origins", len(s.Origins))
	}
	// A switch that the file turned on can be turned off from outside.
	s, err = load([]byte("relay = true"), "", false, env("DURE_RELAY", "false"), nil)
	if err != nil || s.Config.Relay {
		t.Errorf("relay is on: %v", err)
	}
}

func TestSettings_MergeLeavesListsOfTheFileOut(t *testing.T) {
	s, err := load([]byte("listen = ['/ip4/127.0.0.1/tcp/1']"), "", false, env(), nil)
	if err != nil || s.Config.Text("listen") != "/ip4/127.0.0.1/tcp/1" {
		t.Errorf("got %q, %v", s.Config.Text("listen"), err)
	}
	s, err = load([]byte("listen = ['/ip4/127.0.0.1/tcp/1']"), "", false, env("DURE_LISTEN", "/ip4/127.0.0.1/tcp/2"), nil)
	if err != nil || s.Config.Text("listen") != "/ip4/127.0.0.1/tcp/2" {
		t.Errorf("got %q, %v", s.Config.Text("listen"), err)
	}
}

func TestSettings_Faults(t *testing.T) {
	long := "[" + strings.Repeat("'"+peer+"',", maxListed+1) + "]"
	cases := []struct {
		what, file string
		key        string
		code       FaultCode
		line       int
		near       string
	}{
		{"misspelt", "lang = 'ko'\nlisen = ['/ip4/1.2.3.4/tcp/1']", "lisen", FaultUnknownKey, 2, "listen"},
		{"misspelt in table", "[api]\nlisten = '127.0.0.1:1'\nhost = ['a']", "api.host", FaultUnknownKey, 3, "api.hosts"},
		{"of another table", "[storage]\nlevel = 'info'", "storage.level", FaultUnknownKey, 2, "log.level"},
		{"old table", "[network]\nlisten = ['/ip4/1.2.3.4/tcp/1']", "network", FaultUnknownKey, 1, ""},
		{"nothing like it", "colour = 'blue'", "colour", FaultUnknownKey, 1, ""},
		{"not toml", "lang = 'ko'\nlisten = [\n", configFile, FaultSyntax, 2, ""},
		{"same twice", "lang = 'ko'\nlang = 'en'", "lang", FaultSyntax, 2, ""},
		{"number for text", "[log]\n\nlevel = 3", "log.level", FaultWrongType, 3, ""},
		{"text for switch", "relay = 'yes'", "relay", FaultWrongType, 1, ""},
		{"negative", "[storage]\nfloor_bytes = -1", "storage.floor_bytes", FaultWrongType, 2, ""},
		{"language", "\n\nlang = 'de'", "lang", FaultNotOneOf, 3, ""},
		{"level", "[log]\nlevel = 'INFO'", "log.level", FaultNotOneOf, 2, ""},
		{"format", "[log]\nformat = 'xml'", "log.format", FaultNotOneOf, 2, ""},
		{"listen not multiaddr", "listen = ['0.0.0.0:4710']", "listen[0]", FaultBadAddress, 1, ""},
		{"listen second", "listen = ['/ip4/0.0.0.0/tcp/1', '/ip4/0.0.0.0']", "listen[1]", FaultBadAddress, 1, ""},
		{"listen on a name", "listen = ['/dns/x.example/tcp/1']", "listen[0]", FaultBadAddress, 1, ""},
		{"listen bare udp", "listen = ['/ip4/0.0.0.0/udp/1']", "listen[0]", FaultBadAddress, 1, ""},
		{"announce unspecified", "announce = ['/ip4/0.0.0.0/tcp/1']", "announce[0]", FaultBadAddress, 1, ""},
		{"peer without identity", "peers = ['/ip4/1.2.3.4/tcp/1']", "peers[0]", FaultBadAddress, 1, ""},
		{"relay without identity", "relay_via = ['/ip4/1.2.3.4/tcp/1']", "relay_via[0]", FaultBadAddress, 1, ""},
		{"too many", "peers = " + long, "peers", FaultTooMany, 1, ""},
		{"api without port", "[api]\nlisten = '127.0.0.1'", "api.listen", FaultBadAddress, 2, ""},
		{"api port", "[api]\nlisten = '127.0.0.1:70000'", "api.listen", FaultBadAddress, 2, ""},
		{"api with scheme", "[api]\nlisten = 'http://127.0.0.1:1'", "api.listen", FaultBadAddress, 2, ""},
		{"api to the world", "[api]\nlisten = '0.0.0.0:7710'", "api.listen", FaultNotLoopback, 2, ""},
		{"api to the world, short", "[api]\nlisten = ':7710'", "api.listen", FaultNotLoopback, 2, ""},
		{"api to the world, six", "[api]\nlisten = '[::]:7710'", "api.listen", FaultNotLoopback, 2, ""},
		{"api to the office", "[api]\nlisten = '192.168.1.5:7710'", "api.listen", FaultNotLoopback, 2, ""},
		{"api by name", "[api]\nlisten = 'node.example:7710'", "api.listen", FaultNotLoopback, 2, ""},
		{"any host", "[api]\nhosts = ['*']", "api.hosts[0]", FaultBadAddress, 2, ""},
		{"url for host", "[api]\nhosts = ['a.example', 'https://b.example']", "api.hosts[1]", FaultBadAddress, 2, ""},
		{"tiny floor", "[storage]\nfloor_bytes = 1000", "storage.floor_bytes", FaultTooSmall, 2, ""},
	}
	for _, c := range cases {
		t.Run(c.what, func(t *testing.T) {
			_, err := load([]byte(c.file), "/etc/dure.toml", false, env(), nil)
			e := wantReason(t, err, protocol.ReasonConfig)
			f := FaultsOf(err)
			if len(f) != 1 {
				t.Fatalf("faults %v", f)
			}
			if f[0].Key != c.key || f[0].Code != c.code || f[0].Line != c.line || f[0].Near != c.near || f[0].From != "/etc/dure.toml" {
				t.Errorf("got  %+v\nwant %s %s line %d near %q", f[0], c.key, c.code, c.line, c.near)
			}
			if e.Field != c.key || e.Args["key"] != c.key || e.Args["code"] != string(c.code) {
				t.Errorf("field %q, args %v", e.Field, e.Args)
			}
		})
	}
}

func TestSettings_AllFaultsAtOnce(t *testing.T) {
	file := "lang = 'de'\nfoo = 1\n[log]\nlevel = 'loud'\nlevl = 'x'\n[api]\nlisten = '0.0.0.0:1'\n"
	_, err := load([]byte(file), "f", false, env("DURE_RELAY", "perhaps", "DURE_STORAGE_FLOOR_BYTES", "12"), map[string]string{"api.port": "1"})
	var got []string
	for _, f := range FaultsOf(err) {
		got = append(got, fmt.Sprintf("%s %s %s:%d", f.Key, f.Code, f.From, f.Line))
	}
	want := []string{
		"foo unknown_key f:2", "log.levl unknown_key f:5", "relay wrong_type DURE_RELAY:0", "api.port unknown_key --api.port:0",
		"lang not_one_of f:1", "api.listen not_loopback f:7", "log.level not_one_of f:4", "storage.floor_bytes too_small DURE_STORAGE_FLOOR_BYTES:0",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, f := range FaultsOf(err) {
		if !strings.Contains(err.Error(), f.Key) {
			t.Errorf("the error's text leaves out %s", f.Key)
		}
	}
}

func TestSettings_BeyondLoopbackBySwitch(t *testing.T) {
	for _, by := range []string{"behind_proxy", "container"} {
		file := "[api]\nlisten = '0.0.0.0:7710'\n" + by + " = true"
		if s, err := load([]byte(file), "", false, env(), nil); err != nil || s.Config.API.Listen != "0.0.0.0:7710" {
			t.Errorf("%s: %v", by, err)
		}
	}
	for _, at := range []string{"127.0.0.1:0", "[::1]:7710", "localhost:7710", "127.8.8.8:1"} {
		if _, err := load(nil, "", false, env("DURE_API_LISTEN", at), nil); err != nil {
			t.Errorf("%s: %v", at, err)
		}
	}
}

// The file that a new home gets says every default, as a comment; without the comment
// signs it says the same.
func TestHome_SaveConfigRoundTrip(t *testing.T) {
	h := newHome(t)
	raw, err := os.ReadFile(h.ConfigPath())
	if err != nil {
		t.Fatal(err)
	}
	if c, err := h.ReadConfigFile(); err != nil || !reflect.DeepEqual(c, Config{}) {
		t.Errorf("a new home overrides defaults: %+v, %v", c, err)
	}
	spoken := regexp.MustCompile(`(?m)^# `).ReplaceAll(raw, nil)
	s, err := load(spoken, "", false, env(), nil)
	if err != nil {
		t.Fatalf("%v in\n%s", err, spoken)
	}
	got, want := s.Config, Default()
	for _, name := range Keys() {
		if got.Text(name) != want.Text(name) {
			t.Errorf("%s: got %q, want %q", name, got.Text(name), want.Text(name))
		}
		if !strings.Contains(string(raw), name[strings.LastIndexByte(name, '.')+1:]+" = ") {
			t.Errorf("%s does not stand in\n%s", name, raw)
		}
	}

	c := Default()
	off := false
	c.MDNS, c.Relay, c.Lang = &off, true, "ko"
	c.Listen, c.Peers = []string{"/ip4/127.0.0.1/tcp/0"}, []string{peer}
	c.API.Listen, c.API.Hosts = "127.0.0.1:0", []string{"node.example", "[::1]:99"}
	c.Storage.FloorBytes = 1 << 30
	if err := h.SaveConfig(c); err != nil {
		t.Fatal(err)
	}
	s, err = h.Settings(nil)
	if err != nil || !reflect.DeepEqual(s.Config, c) {
		t.Errorf("got  %+v, %v\nwant %+v", s.Config, err, c)
	}
	c.Lang = "de"
	wantReason(t, h.SaveConfig(c), protocol.ReasonConfig)
	if s, err := h.Settings(nil); err != nil || s.Config.Lang != "ko" {
		t.Error("wrong settings were written")
	}
}

func TestHome_SettingsFromFileThatCannotBeRead(t *testing.T) {
	h := newHome(t)
	if err := os.Remove(h.ConfigPath()); err != nil {
		t.Fatal(err)
	}
	if s, err := h.Settings(nil); err != nil || !reflect.DeepEqual(s.Config, Default()) {
		t.Errorf("a missing file is an empty one: %v", err)
	}
	if err := os.WriteFile(h.ConfigPath(), make([]byte, maxConfigBytes+1), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := h.Settings(nil)
	wantReason(t, err, protocol.ReasonDamaged)
	if !errors.Is(err, errTooLarge) {
		t.Error(err)
	}
	if s, err := EnvSettings(map[string]string{"lang": "es"}, quiet()); err != nil || s.Config.Lang != "es" {
		t.Error(err)
	}
}

func FuzzSettings(f *testing.F) {
	f.Add([]byte("lang = 'ko'\n[api]\nlisten = '127.0.0.1:1'\n"))
	f.Add([]byte("listen = ['/ip4/1.2.3.4/tcp/1']\nfoo = {a = 1}\n"))
	if text, err := configText(Default()); err == nil {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		s, err := load(file, "f", false, env(), nil)
		if err != nil {
			if protocol.ReasonOf(err) != protocol.ReasonConfig || len(FaultsOf(err)) == 0 {
				t.Fatal(err)
			}
			return
		}
		if err := s.Config.Validate(); err != nil {
			t.Fatalf("settings in force are not valid: %v", err)
		}
		text, err := configText(s.Config)
		if err != nil {
			t.Fatal(err)
		}
		again, err := load(text, "f", false, env(), nil)
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		for _, name := range Keys() {
			if again.Config.Text(name) != s.Config.Text(name) {
				t.Fatalf("%s: %q became %q", name, s.Config.Text(name), again.Config.Text(name))
			}
		}
	})
}
