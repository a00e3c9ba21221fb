package index

import (
	"cmp"
	"math"
	"slices"
)

const earthKm = 6371.0088 // mean radius

// km is how far a place is from the middle.
func (n Near) km(lat, lon float64) float64 {
	rad := math.Pi / 180
	dLat, dLon := (lat-n.Lat)*rad, (lon-n.Lon)*rad
	h := math.Pow(math.Sin(dLat/2), 2) + math.Cos(n.Lat*rad)*math.Cos(lat*rad)*math.Pow(math.Sin(dLon/2), 2)
	return 2 * earthKm * math.Asin(math.Sqrt(min(h, 1)))
}

type box struct{ lat0, lat1, lon0, lon1 float64 }

// boxes hold the circle: one, or two where it crosses the 180th meridian.
func (n Near) boxes() []box {
	dLat := n.Km / earthKm * 180 / math.Pi
	b := box{max(n.Lat-dLat, -90), min(n.Lat+dLat, 90), -180, 180}
	if n.Lat-dLat <= -90 || n.Lat+dLat >= 90 {
		return []box{b} // round a pole
	}
	dLon := math.Asin(min(1, math.Sin(n.Km/earthKm)/math.Cos(n.Lat*math.Pi/180))) * 180 / math.Pi
	if n.Km/earthKm >= math.Pi/2 || dLon >= 180 {
		return []box{b}
	}
	b.lon0, b.lon1 = n.Lon-dLon, n.Lon+dLon
	switch {
	case b.lon0 < -180:
		west, east := b, b
		west.lon0, west.lon1, east.lon0 = b.lon0+360, 180, -180
		return []box{west, east}
	case b.lon1 > 180:
		west, east := b, b
		west.lon1, east.lon0, east.lon1 = 180, -180, b.lon1-360
		return []box{west, east}
	}
	return []box{b}
}

// nextNear reads all that is in the boxes and meets the other conditions, keeps what lies
// in the circle, and puts it in order: by distance nothing could be skipped before.
func (l *lister) nextNear(at Mark, limit int) ([]marked, error) {
	newest := int64(math.MaxInt64) // ?1: what a walk along the words begins with
	counted := l.sort == SortRelevance || l.sort == SortDistance
	if at.Seq > 0 && l.sort != SortClosing {
		newest = int64(min(at.Seq, math.MaxInt64))
	} else if counted {
		if _, err := l.c.one(`SELECT ifnull(max(local), 0) FROM record`, nil, &newest); err != nil {
			return nil, err
		}
	}
	from, at0 := l.from, "p"
	if l.match != "" {
		from, at0 = from+` JOIN spot s ON s.local = p.local`, "s"
	}
	if l.sort == SortClosing {
		from += ` JOIN record r ON r.local = p.local`
	}
	key := map[Sort]string{SortNewest: "0", SortDistance: "0", SortClosing: "r.closes", SortRelevance: "p.rank"}[l.sort]
	type found struct {
		local uint64
		key   float64 // what is smallest comes first
	}
	var all []found
	err := l.c.each(`SELECT p.local, `+at0+`.lat0, `+at0+`.lon0, `+key+` `+from+` WHERE ?2 = 0 AND ?3 = 0`+l.where,
		append([]any{newest, 0, 0}, l.args...), func(scan func(...any) error) error {
			var local int64
			var lat, lon, key float64
			err := scan(&local, &lat, &lon, &key)
			km := l.near.km(lat, lon)
			if l.sort == SortDistance {
				key = km
			}
			if km <= l.near.Km && (local < newest || counted && local == newest) && (l.sort != SortClosing || key > 0) {
				all = append(all, found{uint64(local), key})
			}
			return err
		})
	if err != nil {
		return nil, err
	}
	if l.sort == SortNewest {
		slices.SortFunc(all, func(a, b found) int { return cmp.Compare(b.local, a.local) })
	} else {
		slices.SortFunc(all, func(a, b found) int { return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.local, b.local)) })
	}
	switch {
	case counted:
		all = all[min(int(at.Key), len(all)):]
	case l.sort == SortClosing:
		all = slices.DeleteFunc(all, func(f found) bool {
			return int64(f.key) < at.Key || int64(f.key) == at.Key && f.local <= at.Seq
		})
	}
	out := make([]marked, min(limit, len(all)))
	for i := range out {
		f := all[i]
		m := Mark{Seq: f.local}
		switch {
		case counted:
			m = Mark{Seq: uint64(newest), Key: at.Key + int64(i) + 1}
		case l.sort == SortClosing:
			m.Key = int64(f.key)
		}
		out[i] = marked{m, f.local}
	}
	return out, nil
}
