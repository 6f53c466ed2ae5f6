package strictyaml

import "strings"

// explain turns a message of the YAML parser into one for people. The parser's
// own text is never repeated: some messages quote the file, and that may be a
// secret.
func explain(message string) string {
	for _, known := range []struct{ part, say string }{
		{"tab character", "a tab is used where YAML wants spaces; indent with spaces"},
		{"cannot start any token", "a tab is used where YAML wants spaces; indent with spaces"},
		{"non-map value is specified", "this line is not of the form \"key: value\" (a colon and a space)"},
		{"unexpected key name", "this line is not of the form \"key: value\" (a colon and a space)"},
		{"implicit line break", "this line is not of the form \"key: value\" (a colon and a space)"},
		{"mapping value is not allowed", "a second \": \" on the line, or wrong indentation; put the value in quotes if it contains \": \""},
		{"map key-value is pre-defined", "the indentation does not fit the lines above"},
		{"value is not allowed in this context", "the indentation does not fit the lines above"},
		{"sequence entries are not allowed", "a list (\"- …\") is not possible here; begin it on its own line below the key"},
		{"could not find end character of double-quoted", "the closing double quote is missing"},
		{"could not find end character of single-quoted", "the closing single quote is missing"},
		{"unknown escape character", "an unknown \\ sequence between double quotes; use single quotes, or \\\\ for a backslash"},
		{"',' or ']'", "the list is not closed; a comma or ] is missing"},
		{"']' not found", "the list is not closed; ] is missing"},
		{"',' or '}'", "the { } section is not closed; a comma or } is missing"},
		{"end token '}'", "the { } section is not closed; } is missing"},
		{"is a reserved character", "this character cannot begin a value; put the value in quotes"},
		{"alias", "the *name refers to nothing; put the value in quotes if it begins with *"},
		{"anchor", "the &name is not possible here; put the value in quotes if it begins with &"},
		{"tag", "the !tag is not possible here; put the value in quotes if it begins with !"},
	} {
		if strings.Contains(message, known.part) {
			return known.say
		}
	}
	return "not valid YAML here; check indentation, quotes and colons"
}
