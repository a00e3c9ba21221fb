package export

import (
	"bufio"
	"encoding/json"
)

// features is GeoJSON (RFC 7946): the records that say where they are, as points.
type features struct {
	list *list
	h    Head
}

func newMap(out *bufio.Writer, h Head) (Writer, error) {
	l, err := newList(out, map[string]any{"type": "FeatureCollection", "federation": h.Federation, "root": h.Root, "as_of": h.AsOf}, "features")
	return &features{l, h}, err
}

func (f *features) Add(r Record) (bool, error) {
	place := r.Content["place"]
	lat, lon := str(in(place, "lat")), str(in(place, "lon"))
	if lat == "" || lon == "" || !json.Valid([]byte(lat)) || !json.Valid([]byte(lon)) {
		return false, nil
	}
	title := r.Content["title"]
	if r.Type == "profile" {
		title = r.Content["names"]
	}
	properties := map[string]any{"type": r.Type, "member": r.Member, "standing": r.Standing, "title": title, "country": in(place, "country"), "place": in(place, "label")}
	if r.Number != "" {
		properties["number"] = r.Number
	}
	for _, name := range []string{"kind", "mode", "themes", "valid_until"} {
		if v, ok := r.Content[name]; ok {
			properties[name] = v
		}
	}
	// The numbers stand as the record has them: a float would write some of them otherwise.
	return true, f.list.add(map[string]any{"type": "Feature", "id": r.ID, "properties": properties,
		"geometry": map[string]any{"type": "Point", "coordinates": []json.Number{json.Number(lon), json.Number(lat)}}})
}

func (f *features) Close() error { return f.list.Close() }
