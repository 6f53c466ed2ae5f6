package pathmap

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/dffmpeg/dffmpeg"
)

// The oracle reads quoted text in another way than the package: it cuts a text
// at separators that stand alone, and removes the quoting from the pieces.

// pieces cuts text at each separator that is not quoted.
func pieces(text, separators string) []string {
	list, quoted, escaped, from := []string{}, false, false, 0
	for i, c := range []byte(text) {
		switch {
		case escaped:
			escaped = false
		case quoted:
			quoted = c != '\''
		case c == '\'':
			quoted = true
		case c == '\\':
			escaped = true
		case strings.IndexByte(separators, c) >= 0:
			list, from = append(list, text[from:i]), i+1
		}
	}
	return append(list, text[from:])
}

// plain removes the quoting from a piece, and the spaces around it that are not
// quoted.
func plain(piece string) string {
	const hidden = "\uE000"  // stands before each quoted byte
	const nothing = "\uE001" // stands for quotes, between which there may be nothing
	var b strings.Builder
	for piece != "" {
		c := piece[:1]
		piece = piece[1:]
		switch {
		case c == `\` && piece != "":
			b.WriteString(hidden + piece[:1])
			piece = piece[1:]
		case c == "'":
			inside, rest, closed := strings.Cut(piece, "'")
			if closed {
				b.WriteString(nothing)
			}
			for i := range len(inside) {
				if closed || i < len(strings.TrimRight(inside, spaces)) {
					b.WriteString(hidden)
				}
				b.WriteString(inside[i : i+1])
			}
			piece = rest
		default:
			b.WriteString(c)
		}
	}
	text := strings.TrimLeft(b.String(), spaces)
	for text != "" && strings.Contains(spaces, text[len(text)-1:]) && !strings.HasSuffix(text[:len(text)-1], hidden) {
		text = text[:len(text)-1]
	}
	return strings.NewReplacer(hidden, "", nothing, "").Replace(text)
}

// quoted draws a way to quote text so that it can stand among others.
func quoted(t *rapid.T, text, special string) string {
	style := rapid.IntRange(0, 2).Draw(t, "style")
	if style == 0 && !strings.Contains(text, "'") {
		return "'" + text + "'"
	}
	var b strings.Builder
	for i := range len(text) {
		c := text[i : i+1]
		must := strings.Contains(special+`\'`, c) || strings.Contains(spaces, c) && (i == 0 || i == len(text)-1)
		way := 2 // only what must be
		if style == 1 {
			way = rapid.IntRange(0, 2).Draw(t, "way")
		}
		switch {
		case way == 0 && c != "'":
			b.WriteString("'" + c + "'")
		case way == 1 || must:
			b.WriteString(`\` + c)
		default:
			b.WriteString(c)
		}
	}
	return b.String()
}

// awkward draws a name with all that is special somewhere.
func awkward() *rapid.Generator[string] {
	return rapid.StringOfN(rapid.RuneFrom([]rune(`ab é$%:;,|[]='\" =@{}&#`)), 1, 8, -1).Filter(func(s string) bool { return s != "." && s != ".." })
}

func TestTokensAreReadAsTheOracleDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.RuneFrom([]rune(`ab :;'\é`))).Draw(t, "text")
		for i, list := 0, pieces(text, ":;"); i <= len(text); {
			token := readToken(text, i, ":;")
			if want := plain(list[0]); token.text != want {
				t.Fatalf("at %d of %q the token is %q, want %q", i, text, token.text, want)
			}
			i, list = token.end+1, list[1:]
		}
	})
}

func TestEscapedPathsAreReadAsTheyWere(t *testing.T) {
	levels := map[dffmpeg.PathContext][]string{ // innermost first
		dffmpeg.PathList: {spaces}, dffmpeg.PathParameter: {":="}, dffmpeg.PathTee: {"|"}, dffmpeg.PathTeeOption: {":]", "|"},
		dffmpeg.PathFilter: {":", "[],;"}, dffmpeg.PathNested: {":|", ":", "[],;"},
	}
	rapid.Check(t, func(t *rapid.T) {
		path := awkward().Draw(t, "path")
		for context, separators := range levels {
			escaped, ok := escape(path, context)
			if !ok {
				t.Fatalf("%q cannot be said in %s", path, context)
			}
			read := escaped
			for _, s := range slices.Backward(separators) {
				if list := pieces(read, s); len(list) != 1 {
					t.Fatalf("%q in %s is %q, which falls into %q", path, context, escaped, list)
				}
				read = plain(read)
			}
			if read != path {
				t.Errorf("%q in %s is %q, which says %q", path, context, escaped, read)
			}
		}
	})
}

func TestPathsThatAPlaceCannotExpress(t *testing.T) {
	for context, path := range map[dffmpeg.PathContext]string{
		dffmpeg.PathConcat: "/a|b", dffmpeg.PathList: "/a\nb", "of tomorrow": "/a",
	} {
		if escaped, ok := escape(path, context); ok {
			t.Errorf("%q in %q became %q", path, context, escaped)
		}
	}
}

// filterCommand is a graph with a path in it, quoted somehow.
type filterCommand struct {
	graph string
	rest  string // below /srv/media
}

func drawFilter(t *rapid.T) filterCommand {
	rest := "/z/" + strings.Join(rapid.SliceOfN(awkward(), 1, 2).Draw(t, "parts"), "/")
	value := quoted(t, "/srv/media"+rest, ":=")
	option := rapid.SampledFrom([]string{"", "f=", " filename = "}).Draw(t, "key") + value
	options := option + rapid.SampledFrom([]string{"", ":si=1"}).Draw(t, "more")
	options = quoted(t, options, "[],;")
	before := rapid.SampledFrom([]string{"", "[0:v]", "null,", "scale=w='1,2':h=3[a];[a] "}).Draw(t, "before")
	after := rapid.SampledFrom([]string{"", "[out]", ",null", " ;[1]anull"}).Draw(t, "after")
	filter := rapid.SampledFrom([]string{"subtitles=", "subtitles@mine="}).Draw(t, "filter")
	return filterCommand{before + filter + options + after, rest}
}

// filterOptions returns what a graph says, filter by filter: what is before the
// options, each option, and what is behind them.
func filterOptions(graph string) [][]string {
	var filters [][]string
	for _, filter := range pieces(graph, ",;") {
		before, options, _ := strings.Cut(filter, "=")
		options = pieces(options, "[")[0]
		behind := strings.TrimPrefix(filter[len(before):], "="+options)
		list := []string{before}
		for _, option := range pieces(plain(options), ":") {
			list = append(list, plain(option))
		}
		filters = append(filters, append(list, behind))
	}
	return filters
}

func TestPathsInFiltersArrive(t *testing.T) {
	client, _ := machines(t)
	rapid.Check(t, func(t *rapid.T) {
		c := drawFilter(t)
		root := "/" + strings.TrimSuffix(awkward().Draw(t, "root"), "/") + "x"
		worker, err := NewWorker(map[string]string{"Media": root})
		if err != nil {
			t.Fatal(err)
		}
		_, segments, names, _ := client.MapCommand([]string{"-vf", c.graph}, "")
		if !slices.Equal(names, []string{"Media"}) {
			t.Fatalf("%q was not mapped: %q", c.graph, names)
		}
		arrived, err := worker.Arguments(segments, names, noFile)
		if err != nil {
			t.Fatal(err)
		}
		want := filterOptions(c.graph)
		for i := range want {
			for j := range want[i] {
				want[i][j] = strings.Replace(want[i][j], "/srv/media"+c.rest, root+c.rest, 1)
			}
		}
		if diff := cmp.Diff(want, filterOptions(arrived[1])); diff != "" {
			t.Errorf("%q became %q: %s", c.graph, arrived[1], diff)
		}
		if !strings.Contains(fmt.Sprintf("%q", want), fmt.Sprintf("%q", root+c.rest)[1:]) {
			t.Fatalf("the oracle does not find the path in %q: %q", c.graph, want)
		}
	})
}

// TestTheSameRootsGiveTheSameArgument byte for byte, when it was quoted as the
// worker does.
func TestTheSameRootsGiveTheSameArgument(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		roots := map[string]string{"Media": "/srv/" + awkward().Draw(t, "root")}
		client, err := newClient(roots, links(nil))
		if err != nil {
			t.Fatal(err)
		}
		worker, err := NewWorker(roots)
		if err != nil {
			t.Fatal(err)
		}
		path := roots["Media"] + "/" + awkward().Draw(t, "name")
		in := func(context dffmpeg.PathContext) string {
			escaped, _ := escape(path, context)
			return escaped
		}
		args := []string{
			path, "file:" + path, "-vf", "null,subtitles=f=" + in(dffmpeg.PathFilter) + ":si=1,null", "-x264-params", "pass=1:stats=" + in(dffmpeg.PathParameter),
			"-f", "tee", "[f=hls:hls_segment_filename=" + in(dffmpeg.PathTeeOption) + "]" + in(dffmpeg.PathTee) + "|" + in(dffmpeg.PathTee),
		}
		if !strings.Contains(path, "|") {
			args = append(args, "concat:"+path+"|"+path)
		}
		_, segments, names, _ := client.MapCommand(args, "")
		arrived, err := worker.Arguments(segments, names, noFile)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(args, arrived); diff != "" {
			t.Error(diff)
		}
		for _, i := range []int{3, 5, 8} {
			if len(segments[i].Names()) == 0 {
				t.Errorf("%q was not mapped", args[i])
			}
		}
	})
}

// TestNamesInListsArrive writes lists with quoting of every sort.
func TestNamesInListsArrive(t *testing.T) {
	client, _ := machines(t)
	rapid.Check(t, func(t *rapid.T) {
		rests := rapid.SliceOfN(awkward(), 1, 3).Draw(t, "names")
		var list strings.Builder
		for _, rest := range rests {
			list.WriteString("file " + quoted(t, "/srv/media/z/"+rest, spaces) + rapid.SampledFrom([]string{"\n", "\r\n", " \n\nduration 3\n"}).Draw(t, "end"))
		}
		client.readList = func(string) (string, bool) { return list.String(), true }
		root := "/" + awkward().Draw(t, "root")
		worker, err := NewWorker(map[string]string{"Media": root})
		if err != nil {
			t.Fatal(err)
		}
		_, segments, names, _ := client.MapCommand([]string{"-f", "concat", "-i", "/tmp/list"}, "")
		text := ""
		arrived, err := worker.Arguments(segments, names, func(list string) (string, error) {
			text = list
			return "/scratch/list", nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if arrived[3] != "/scratch/list" {
			t.Errorf("the input is %q", arrived[3])
		}
		var got, want []string
		for line := range strings.Lines(text) {
			if words := pieces(strings.TrimRight(line, "\r\n"), spaces); words[0] == "file" {
				got = append(got, plain(words[1]))
			}
		}
		for _, rest := range rests {
			want = append(want, strings.TrimSuffix(root, "/")+"/z/"+rest)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q became %q: %s", list.String(), text, diff)
		}
	})
}

func noFile(string) (string, error) { panic("there is no file among the arguments") }
