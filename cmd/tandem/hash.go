package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/crypto/argon2"
	"golang.org/x/term"
)

// Cost of a password's hash (RFC 9106 section 4): 64 MiB, three passes.
const (
	hashMemory  = 64 << 10 // KiB
	hashTime    = 3
	hashThreads = 2
	hashBytes   = 32
	saltBytes   = 16
)

// Bounds of a password, in bytes.
const (
	minPassword = 8
	maxPassword = 256
)

func (c *cli) hashCommand() *cobra.Command {
	return &cobra.Command{
		Use: "hash", Short: "Hash a password for the configuration", Args: cobra.NoArgs,
		Long: "Reads a password from the terminal, or the first line of the standard input, and prints its argon2id hash.",
		RunE: c.run(func(context.Context, []string) error {
			password, err := c.readPassword()
			if err != nil {
				return err
			}
			if len(password) < minPassword || len(password) > maxPassword {
				return fmt.Errorf("the password has %d bytes; choose one of %d to %d", len(password), minPassword, maxPassword)
			}
			hash := hashPassword(password)
			if c.output == "json" {
				return c.printJSON(map[string]string{"password": hash})
			}
			_, err = fmt.Fprintln(c.out, hash)
			return err
		}),
	}
}

// hashPassword returns a password's argon2id hash in PHC form, with a salt of
// its own.
func hashPassword(password []byte) string {
	salt := make([]byte, saltBytes)
	rand.Read(salt) // never fails: crypto/rand
	sum := argon2.IDKey(password, salt, hashTime, hashMemory, hashThreads, hashBytes)
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, hashMemory, hashTime, hashThreads, b64.EncodeToString(salt), b64.EncodeToString(sum))
}

// readPassword asks twice on a terminal, and takes a line of anything else.
func (c *cli) readPassword() ([]byte, error) {
	f, ok := c.in.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		line, err := bufio.NewReader(io.LimitReader(c.in, maxPassword+2)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("read the password: %w", err)
		}
		return []byte(strings.TrimRight(line, "\r\n")), nil
	}
	first, err := c.askHidden(f, "Password: ")
	if err != nil {
		return nil, err
	}
	second, err := c.askHidden(f, "Again: ")
	if err != nil {
		return nil, err
	}
	if string(first) != string(second) {
		return nil, errors.New("the two passwords differ; try again")
	}
	return first, nil
}

func (c *cli) askHidden(f *os.File, prompt string) ([]byte, error) {
	_, _ = fmt.Fprint(c.errOut, prompt)
	password, err := term.ReadPassword(int(f.Fd()))
	_, _ = fmt.Fprintln(c.errOut)
	if err != nil {
		return nil, fmt.Errorf("read the password: %w", err)
	}
	return password, nil
}
