// Package pathmap turns local paths into the form that jobs carry, and back.
//
// A job never names a real path of either machine. The client replaces an
// argument that lies below one of its configured roots by `$Name/rest`; the
// worker replaces `$Name` by its own root of that name. This is the mapping of
// protocol version 1: it looks at whole arguments only (an absolute path, or
// `file:` and one), so paths inside filter graphs, `concat:` lists or option
// values stay as they are.
//
// Version 1 cannot escape: an argument that the user typed as `$Name/…`
// reaches the worker unchanged, and is replaced there when Name is among the
// job's paths for another argument's sake. It stays literal when it is not.
//
// A mapped argument is a [reference] inside: scheme, name and rest. Text is
// only its version 1 form, so that another form on the wire can stand beside
// it.
//
// The package uses the standard library only: the small proxy links it, and
// its start-up time is felt. The file system is asked only about arguments
// that can be paths.
package pathmap
