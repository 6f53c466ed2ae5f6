// Package pathmap turns local paths into the form that jobs carry, and back.
//
// A job never names a real path of either machine. The client replaces paths
// below one of its configured roots by references to them; the worker replaces
// references by paths below its own root of that name. Arguments are carried in
// two forms.
//
// Version 1 is that of 0.4: an argument that is a path as a whole (an absolute
// path, or `file:` and one) becomes `$Name/rest`. It cannot escape: an argument
// that the user typed as `$Name/…` is replaced on the worker when Name is among
// the job's paths for another argument's sake.
//
// The second form are segments, text or reference ([dffmpeg.Argument]), so that
// text is never taken for a reference, and paths within an argument can be
// replaced: in filter graphs, `concat:`, outputs of tee, encoders' parameters,
// and in list files for the concat demuxer, which are sent along. The worker
// quotes its path as the place needs. A wrong replacement would corrupt a
// command, so only places are looked at that are known to name a file; all
// others stay as they are, byte for byte.
//
// The package uses the standard library only: the small proxy links it, and
// its start-up time is felt. The file system is asked only about arguments
// that can be paths.
package pathmap
