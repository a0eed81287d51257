package report

import (
	"fmt"
	"slices"

	"github.com/cardea-auth/cardea/examples/evidence/soak/internal/soak"
)

// Stampede reports many first sights of one token at once.
func Stampede(r *soak.StampedeResults) *Document {
	t := newTable("many first sights of one opaque token at once", "promised", "measured", "")
	t.row("connections, a request on each", "", count(int64(r.Connections)), "")
	t.row("sent within", "", seconds(r.Spread), "")
	t.row("calls of the introspection endpoint", "1", count(r.Calls), mark(r.Calls == 1))
	t.row("admitted", "all", count(r.Admitted), mark(r.Other == 0))
	t.row("answered later or otherwise", "0", count(r.Other), mark(r.Other == 0))
	t.row("longest answer", "", seconds(r.Longest), "")
	t.row("goroutines of the server, before and while all wait", "", fmt.Sprintf("%s, %s", count(int64(r.Before)), count(int64(r.Goroutines))), "")
	return &Document{Mode: "stampede", Markdown: "# Stampede\n\n" + t.String(), Summary: t.String()}
}

// Kids reports a flood of unknown keys.
func Kids(r *soak.KidsResults) *Document {
	t := newTable("a flood of unknown kids", "promised", "measured", "")
	t.row("issuers", "", count(int64(r.Issuers)), "")
	t.row("tokens, each under another kid", "", fmt.Sprintf("%s in %s", count(r.Sent), seconds(r.Took)), "")
	t.row("accepted of these", "0", count(r.Accepted), mark(r.Accepted == 0))
	most := slices.Max(r.Extra)
	t.row("fetches of keys for each issuer, most", "≤ 5", fmt.Sprint(most), mark(most <= 5))
	t.row("real rotations meanwhile, noticed within 30 s", count(int64(r.Issuers)), spread(r.Noticed), mark(r.Missed == 0))
	t.row("tokens of known keys meanwhile, refused", "0", fmt.Sprintf("%s of %s", count(r.Refused), count(r.Good)), mark(r.Refused == 0))
	return &Document{Mode: "kids", Markdown: "# Unknown kids\n\n" + t.String(), Summary: t.String()}
}
