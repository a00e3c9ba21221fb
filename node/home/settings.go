package home

import (
	"bytes"
	"errors"
	"io/fs"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/dure-net/dure/protocol"
)

// key is one setting: its name in config.toml, and where it lies in Config.
type key struct {
	name string
	at   func(*Config) any // a pointer to the field
}

// keys lists every setting once, in the order of the file.
var keys = [...]key{
	{"lang", func(c *Config) any { return &c.Lang }},
	{"listen", func(c *Config) any { return &c.Listen }},
	{"announce", func(c *Config) any { return &c.Announce }},
	{"mdns", func(c *Config) any { return &c.MDNS }},
	{"relay", func(c *Config) any { return &c.Relay }},
	{"relay_via", func(c *Config) any { return &c.RelayVia }},
	{"peers", func(c *Config) any { return &c.Peers }},
	{"api.listen", func(c *Config) any { return &c.API.Listen }},
	{"api.hosts", func(c *Config) any { return &c.API.Hosts }},
	{"api.container", func(c *Config) any { return &c.API.Container }},
	{"api.behind_proxy", func(c *Config) any { return &c.API.BehindProxy }},
	{"api.public", func(c *Config) any { return &c.API.Public }},
	{"log.level", func(c *Config) any { return &c.Log.Level }},
	{"log.format", func(c *Config) any { return &c.Log.Format }},
	{"storage.floor_bytes", func(c *Config) any { return &c.Storage.FloorBytes }},
	{"storage.attachments", func(c *Config) any { return &c.Storage.Attachments }},
	{"backup.dir", func(c *Config) any { return &c.Backup.Dir }},
	{"backup.keep", func(c *Config) any { return &c.Backup.Keep }},
	{"backup.recipients", func(c *Config) any { return &c.Backup.Recipients }},
}

// Keys lists the names of all settings, in the order of the file. The slice is the caller's.
func Keys() []string {
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = k.name
	}
	return names
}

// EnvName is the environment variable of a setting: "api.listen" is DURE_API_LISTEN.
func EnvName(name string) string {
	return "DURE_" + strings.ToUpper(strings.ReplaceAll(name, ".", "_"))
}

func (k key) zero(c *Config) bool { return reflect.ValueOf(k.at(c)).Elem().IsZero() || k.empty(c) }

func (k key) empty(c *Config) bool {
	list, ok := k.at(c).(*[]string)
	return ok && len(*list) == 0
}

func (k key) copy(to, from *Config) {
	reflect.ValueOf(k.at(to)).Elem().Set(reflect.ValueOf(k.at(from)).Elem())
}

// form shows what may stand in the file, for FaultWrongType.
func (k key) form(c *Config) string {
	switch k.at(c).(type) {
	case *bool, **bool:
		return "true, false"
	case *uint64:
		return "1, 2, 3 …"
	case *[]string:
		return `["…", "…"]`
	}
	return `"…"`
}

// set reads the setting from one text, as flags and the environment bring it; lists
// are separated by commas.
func (k key) set(c *Config, text string) (fault FaultCode, want string) {
	switch p := k.at(c).(type) {
	case *string:
		*p = text
	case *[]string:
		*p = nil
		for one := range strings.SplitSeq(text, ",") {
			if one = strings.TrimSpace(one); one != "" {
				*p = append(*p, one)
			}
		}
	case *bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return FaultWrongType, k.form(c)
		}
		*p = b
	case **bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return FaultWrongType, k.form(c)
		}
		*p = &b
	case *uint64:
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return FaultWrongType, k.form(c)
		}
		*p = n
	default:
		panic("dure: internal error: setting " + k.name + " is of a type nobody reads")
	}
	return "", ""
}

// Text is the setting as one text, as the environment would bring it; "" for names
// that are not settings.
func (c Config) Text(name string) string {
	for _, k := range keys {
		if k.name != name {
			continue
		}
		switch p := k.at(&c).(type) {
		case *string:
			return *p
		case *[]string:
			return strings.Join(*p, ",")
		case *bool:
			return strconv.FormatBool(*p)
		case **bool:
			if *p == nil {
				return ""
			}
			return strconv.FormatBool(**p)
		case *uint64:
			return strconv.FormatUint(*p, 10)
		}
	}
	return ""
}

// Origin says where a setting in force was said. The strings are an interface.
type Origin string

const (
	FromDefault Origin = "default"
	FromFile    Origin = "file"
	FromEnv     Origin = "env"
	FromFlag    Origin = "flag"
)

// Settings are the settings in force, and where each came from.
type Settings struct {
	Config  Config
	Origins map[string]Origin // by name, for every setting
}

// Settings reads the settings of this home: flags (by name of the setting) > DURE_*
// variables > config.toml > defaults. A missing file is an empty one. Anything that
// cannot be used, from any of the three, is ReasonConfig with every Fault.
func (h *Home) Settings(flags map[string]string) (Settings, error) {
	raw, err := readBounded(h.path(configFile), maxConfigBytes)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Settings{}, h.readError("read settings", configFile, err)
	}
	return load(raw, h.path(configFile), h.HasCertificate(), h.opts.Getenv, flags)
}

// EnvSettings are the settings where there is no home yet: no file, the rest alike.
func EnvSettings(flags map[string]string, o Options) (Settings, error) {
	return load(nil, "", false, o.filled().Getenv, flags)
}

func load(file []byte, path string, certified bool, getenv func(string) string, flags map[string]string) (Settings, error) {
	var c Config
	c.API.TLS = certified
	s := Settings{Origins: make(map[string]Origin, len(keys))}
	said := map[string]Fault{} // name to From and Line, for faults of value
	faults := decodeFile(file, path, &c)
	for _, k := range keys {
		s.Origins[k.name] = FromDefault
		if !k.zero(&c) {
			s.Origins[k.name] = FromFile
			said[k.name] = Fault{From: path, Line: lineOf(file, k.name)}
		}
		over := func(text, from string, origin Origin) {
			if code, want := k.set(&c, text); code != "" {
				faults = append(faults, Fault{Key: k.name, Code: code, Value: clip(text), Want: want, From: from})
			}
			s.Origins[k.name], said[k.name] = origin, Fault{From: from}
		}
		if text := getenv(EnvName(k.name)); text != "" {
			over(text, EnvName(k.name), FromEnv)
		}
		if text, ok := flags[k.name]; ok {
			over(text, "--"+k.name, FromFlag)
		}
	}
	for name := range flags {
		if !slices.ContainsFunc(keys[:], func(k key) bool { return k.name == name }) {
			faults = append(faults, Fault{Key: clip(name), Code: FaultUnknownKey, Near: nearest(name), From: "--" + clip(name)})
		}
	}
	for _, f := range c.faults() {
		name, _, _ := strings.Cut(f.Key, "[")
		f.From, f.Line = said[name].From, said[name].Line
		faults = append(faults, f)
	}
	if err := faults.err("read settings"); err != nil {
		return Settings{}, err
	}
	s.Config = c.WithDefaults()
	return s, nil
}

// decodeFile reads config.toml strictly: unknown names are faults, all at once; of
// syntax and type the decoder tells the first.
func decodeFile(file []byte, path string, c *Config) Faults {
	var generic map[string]any
	wrongCode, err := FaultSyntax, toml.Unmarshal(file, &generic)
	if err == nil {
		d := toml.NewDecoder(bytes.NewReader(file))
		d.DisallowUnknownFields()
		wrongCode, err = FaultWrongType, d.Decode(c)
	}
	var unknown *toml.StrictMissingError
	var wrong *toml.DecodeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &unknown):
		var f Faults
		for i := range unknown.Errors {
			name := strings.Join(unknown.Errors[i].Key(), ".")
			line, _ := unknown.Errors[i].Position()
			f = append(f, Fault{Key: clip(name), Code: FaultUnknownKey, Near: nearest(name), From: path, Line: line})
		}
		return f
	case errors.As(err, &wrong):
		line, _ := wrong.Position()
		f := Fault{Key: clip(strings.Join(wrong.Key(), ".")), Code: wrongCode, From: path, Line: line}
		if f.Key == "" {
			f.Key = configFile
		}
		for _, k := range keys {
			if k.name == f.Key && f.Code == FaultWrongType {
				f.Want = k.form(c)
			}
		}
		return Faults{f}
	}
	return Faults{{Key: configFile, Code: FaultSyntax, From: path}}
}

// lineOf finds the line on which a setting stands, for messages; 0 where it is written
// in a form this does not follow (dotted or inline tables).
func lineOf(file []byte, name string) int {
	table, last, nested := strings.Cut(name, ".")
	if !nested {
		table, last = "", name
	}
	current := ""
	for i, line := range bytes.Split(file, []byte("\n")) {
		text := strings.TrimSpace(string(line))
		if inner, ok := strings.CutPrefix(text, "["); ok {
			current, _, _ = strings.Cut(inner, "]")
			current = strings.TrimSpace(current)
			continue
		}
		if left, _, ok := strings.Cut(text, "="); ok && current == table && strings.TrimSpace(left) == last {
			return i + 1
		}
	}
	return 0
}

// SaveConfig writes config.toml: every setting on a line, those at their default as a
// comment. The settings are validated first and never changed.
func (h *Home) SaveConfig(c Config) error {
	if err := c.Validate(); err != nil {
		return err
	}
	text, err := configText(c)
	if err != nil {
		return protocol.Fail(protocol.ReasonInternal, "write settings", err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.write(configFile, text, plainMode)
}

func configText(c Config) ([]byte, error) {
	d := Default()
	var b bytes.Buffer
	table := ""
	for _, k := range keys {
		prefix, last, nested := strings.Cut(k.name, ".")
		if !nested {
			prefix, last = "", k.name
		}
		if prefix != table {
			b.WriteString("\n[" + prefix + "]\n")
			table = prefix
		}
		from, comment := &c, ""
		if k.zero(&c) || reflect.DeepEqual(k.at(&c), k.at(&d)) {
			from, comment = &d, "# "
		}
		v := reflect.ValueOf(k.at(from)).Elem()
		if list, ok := v.Interface().([]string); ok && list == nil {
			v = reflect.ValueOf([]string{})
		}
		line, err := toml.Marshal(map[string]any{last: v.Interface()})
		if err != nil {
			return nil, err
		}
		b.WriteString(comment + strings.TrimSpace(string(line)) + "\n")
	}
	return b.Bytes(), nil
}

// ReadConfigFile reads a settings file alone, without environment and defaults, for
// programs that edit it. A missing file is the zero Config.
func (h *Home) ReadConfigFile() (Config, error) {
	raw, err := readBounded(h.path(configFile), maxConfigBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return Config{}, nil
	}
	if err != nil {
		return Config{}, h.readError("read settings", configFile, err)
	}
	var c Config
	if f := decodeFile(raw, h.path(configFile), &c); f != nil {
		return Config{}, f.err("read settings")
	}
	c.API.TLS = h.HasCertificate()
	return c, c.Validate()
}
