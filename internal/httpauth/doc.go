// Package httpauth signs and verifies requests between peers and the
// coordinator, and tells where a request came from.
//
// Signature version 1 (protocol.md, Identity and signing) is
//
//	base64(HMAC-SHA256(key, METHOD|path|timestamp|hex(sha256(body))))
//
// The path is percent-decoded, without the query and without the base path
// that a peer reaches the coordinator below. A request can be replayed while
// its timestamp is accepted, and the query is not covered: that is version 1.
package httpauth
