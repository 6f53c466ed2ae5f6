package demand

import (
	"strings"

	"github.com/dffmpeg/dffmpeg/internal/ffargs"
)

// certainCodec reports whether the value of -c is certainly the name of an encoder or
// decoder, rather than that of a codec, for which ffmpeg takes whichever it has:
// libraries and hardware have names of their own.
func certainCodec(name string) bool {
	return strings.HasPrefix(name, "lib") || ffargs.Hardware(name) != "" || strings.HasSuffix(name, "_cuvid")
}
