package record

import "golang.org/x/text/language"

// The regions of UN M49 behind the codes of Continents. What of the Americas (019) is
// not South America (005) is counted as North America, Central America and the
// Caribbean with it, as M49 does in its grouping 003.
var regions = []struct{ continent, m49 string }{
	{"africa", "002"}, {"asia", "142"}, {"europe", "150"}, {"oceania", "009"}, {"south_america", "005"}, {"north_america", "019"},
}

// Continent is the code of the list Continents in which a country (ISO 3166-1 alpha-2)
// lies; "" for what is no country of M49.
func Continent(country string) string { return continentOf[country] }

// continentOf is looked up for every pair of listings that is judged; it never changes.
var continentOf = func() map[string]string {
	out := map[string]string{}
	for _, country := range Codes(Countries) {
		c, err := language.ParseRegion(country)
		if err != nil {
			continue
		}
		for _, r := range regions {
			if language.MustParseRegion(r.m49).Contains(c) {
				out[country] = r.continent
				break
			}
		}
	}
	return out
}()
