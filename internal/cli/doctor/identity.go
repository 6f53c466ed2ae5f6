package doctor

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/config"
	"github.com/dffmpeg/dffmpeg/internal/httpauth"
	"github.com/dffmpeg/dffmpeg/internal/signedhttp"
)

// clock signs by another clock than this machine's.
type clock struct {
	signedhttp.Signer
	ahead time.Duration // of ours
}

// Sign implements signedhttp.Signer.
func (c clock) Sign(r *http.Request, body []byte, now time.Time) error {
	return c.Signer.Sign(r, body, now.Add(-c.ahead))
}

// refusal returns which of the coordinator's refusals an error is, "" for none: not
// everything with status 401 is from a coordinator.
func refusal(err error) string {
	var known *dffmpeg.Error
	if !errors.As(err, &known) || known.Code != dffmpeg.CodeUnauthenticated {
		return ""
	}
	details := []string{
		httpauth.DetailRequired, httpauth.DetailIncomplete, httpauth.DetailUser, httpauth.DetailAddress, httpauth.DetailSignature,
	}
	i := slices.IndexFunc(details, func(detail string) bool { return strings.HasPrefix(known.Detail, detail) })
	if i < 0 {
		return ""
	}
	return details[i]
}

// judgeKey says what became of a signed request that every identity may send.
// corrected says that it was signed by the coordinator's clock, not by ours.
func judgeKey(err error, cfg *config.Client, at place, s skew, corrected bool) Finding {
	id := cfg.ClientID
	switch refusal(err) {
	case httpauth.DetailUser:
		return problem(checkKey, "the coordinator knows no identity "+id,
			fmt.Sprintf("correct %s, or make it on the coordinator: dffmpeg admin user add %s", at.identity(), id))
	case httpauth.DetailAddress:
		return problem(checkKey, id+" may not call from this machine's address",
			fmt.Sprintf("allow it on the coordinator: dffmpeg admin user set-scope %s CIDR…; behind a reverse proxy the address is the proxy's, unless the coordinator's trusted_proxies has that", id))
	case httpauth.DetailRequired, httpauth.DetailIncomplete:
		return problem(checkKey, "the coordinator did not get the signature",
			"something in between removes headers: let those pass that begin with X-Dffmpeg-")
	case httpauth.DetailSignature:
		return wrongSignature(cfg, at, s)
	}
	switch {
	case err == nil && corrected:
		return ok(checkKey, "that of %s, as far as can be told: it is accepted with the coordinator's time, not with this machine's", id)
	case err == nil:
		return ok(checkKey, "that of %s", id)
	case dffmpeg.CodeOf(err) == dffmpeg.CodeUnauthenticated:
		return problem(checkKey, "the request was refused, and not by the coordinator: "+oneLine(err),
			"a proxy in between wants a login of its own: let the coordinator's paths through, which have signatures")
	}
	return problem(checkKey, "it could not be tried: "+oneLine(err), "see the coordinator's log, and what is between")
}

// wrongSignature says what may be wrong when a signature is.
func wrongSignature(cfg *config.Client, at place, s skew) Finding {
	found := "the coordinator refuses the signature: the key is not that of " + cfg.ClientID
	advice := fmt.Sprintf("put the key that is shown on the coordinator by: dffmpeg admin user show %s --show-key, into %s", cfg.ClientID, at.key(cfg.HMACKeyFile))
	if base := cfg.Coordinator.URL().Path; base != "" {
		found += ", or a proxy in between changes the path"
		advice += "; a proxy must take " + base + " away and nothing else"
	}
	if s.beyond() {
		found += "; with the coordinator's time, too"
		advice += "; and set the clock"
	}
	return problem(checkKey, found, advice)
}

// judgeRole says whether the identity may submit jobs: what became of a request that
// only those may send who do.
func judgeRole(err error, id string, checked bool) Finding {
	switch {
	case err == nil && !checked:
		return skipped(checkRole, "a coordinator of 0.4 lets every role submit jobs")
	case err == nil:
		return ok(checkRole, "%s may submit jobs", id)
	case dffmpeg.CodeOf(err) == dffmpeg.CodeForbidden:
		return problem(checkRole, oneLine(err), fmt.Sprintf("use another identity here, or change this one on the coordinator: dffmpeg admin user set-role %s client", id))
	}
	return problem(checkRole, "it could not be found out: "+oneLine(err), "see the coordinator's log, and what is between")
}
