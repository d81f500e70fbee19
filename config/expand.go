package config

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"strings"
)

// maxSecretFile is the largest file that ${file:...} reads, in bytes.
const maxSecretFile = 64 << 10

// expander replaces ${NAME} and ${file:path} in the texts of a file.
type expander struct {
	getenv func(string) (string, bool)
	base   string // folder of relative paths
}

// hasPlaceholder reports whether expand would look anything up.
func hasPlaceholder(s string) bool {
	return strings.Contains(strings.ReplaceAll(s, "$${", ""), "${")
}

// expand replaces every placeholder once; what it puts in is not looked at
// again. "$${" stands for "${" itself. Errors name the variable or the file,
// never a value.
func (e expander) expand(s string) (string, error) {
	var out strings.Builder
	for {
		before, after, found := strings.Cut(s, "${")
		if !found {
			out.WriteString(s)
			return out.String(), nil
		}
		if strings.HasSuffix(before, "$") {
			out.WriteString(before[:len(before)-1] + "${")
			s = after
			continue
		}
		name, rest, closed := strings.Cut(after, "}")
		if !closed {
			return "", errors.New("has a ${ without its }; write $${ for the characters themselves")
		}
		value, err := e.lookUp(name)
		if err != nil {
			return "", err
		}
		out.WriteString(before + value)
		s = rest
	}
}

func (e expander) lookUp(name string) (string, error) {
	if path, isFile := strings.CutPrefix(name, "file:"); isFile {
		return e.readSecret(path)
	}
	if !regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`).MatchString(name) {
		return "", errors.New("has a ${...} that is neither a variable name nor file:path")
	}
	value, ok := e.getenv(name)
	if !ok {
		return "", fmt.Errorf("environment variable %s is not set", name)
	}
	return value, nil
}

// readSecret reads a file without the line end that editors put after its text.
func (e expander) readSecret(path string) (string, error) {
	if path == "" {
		return "", errors.New("has a ${file:} without a path")
	}
	full := path
	if !filepath.IsAbs(full) {
		full = filepath.Join(e.base, full)
	}
	f, err := openRegular(full)
	if err != nil {
		return "", fmt.Errorf("file %s %w", path, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSecretFile+1))
	if err != nil {
		return "", fmt.Errorf("file %s cannot be read: %w", path, bare(err))
	}
	if len(data) > maxSecretFile {
		return "", fmt.Errorf("file %s is longer than %d bytes", path, maxSecretFile)
	}
	return strings.TrimRight(string(data), "\r\n"), nil
}
