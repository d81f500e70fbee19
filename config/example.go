package config

import (
	"bytes"
	"crypto/rand"
	_ "embed" // for the example
)

//go:embed example.yaml
var exampleYAML string

// Example is an annotated configuration with every key, which Load accepts as
// it stands. The phones' passwords in it are new and random each time, so that
// nobody runs with a password out of the documentation.
func Example() []byte {
	example := []byte(exampleYAML)
	for bytes.Contains(example, []byte("RANDOM")) {
		example = bytes.Replace(example, []byte("RANDOM"), []byte(rand.Text()), 1)
	}
	return example
}
