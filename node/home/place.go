package home

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"

	"github.com/dure-net/dure/protocol"
)

// EnvHome names the environment variable that says where the home is.
const EnvHome = "DURE_HOME"

// Dir says where the home is: flag (--home) > DURE_HOME > the platform's place for
// state: $XDG_STATE_HOME/dure or ~/.local/state/dure, ~/Library/Application
// Support/dure on macOS, %LOCALAPPDATA%\dure on Windows. The path is absolute; nothing
// is created. ReasonConfig, field "home", where no place can be named.
func Dir(flag string) (string, error) {
	return dirFor(runtime.GOOS, flag, os.Getenv, os.UserHomeDir)
}

func dirFor(goos, flag string, getenv func(string) string, userHome func() (string, error)) (string, error) {
	if flag == "" {
		flag = getenv(EnvHome)
	}
	if flag != "" {
		dir, err := filepath.Abs(flag)
		if err != nil {
			return "", noPlace(err)
		}
		return dir, nil
	}
	// The base directory specification says to ignore relative paths here.
	if base := getenv("XDG_STATE_HOME"); base != "" && filepath.IsAbs(base) && goos != "windows" {
		return filepath.Join(base, "dure"), nil
	}
	if goos == "windows" {
		if base := getenv("LOCALAPPDATA"); base != "" {
			return filepath.Join(base, "dure"), nil
		}
	}
	user, err := userHome()
	if err != nil {
		return "", noPlace(err)
	}
	switch {
	case user == "" || !filepath.IsAbs(user):
		return "", noPlace(errors.New("the user has no home directory"))
	case goos == "darwin":
		return filepath.Join(user, "Library", "Application Support", "dure"), nil
	case goos == "windows":
		return filepath.Join(user, "AppData", "Local", "dure"), nil
	}
	return filepath.Join(user, ".local", "state", "dure"), nil
}

func noPlace(err error) error {
	f := Faults{{Key: "home", Code: FaultNoPlace}}
	return &protocol.Error{Reason: protocol.ReasonConfig, Op: "find home", Field: "home", Args: f[0].args(), Err: errors.Join(f, err)}
}
