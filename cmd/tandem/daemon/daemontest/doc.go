// Package daemontest runs switches for tests and speaks to them from outside:
// through the admin socket and the metrics, as operators do. It knows nothing
// of a test's scenario. It is linked into tests alone.
package daemontest
