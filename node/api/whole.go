package api

import (
	"reflect"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
)

// A list in an answer is a list, also where it is empty: programs in other languages go
// through it without asking whether it is there.

// lacking remembers which types can have a list that would be told as null.
var lacking sync.Map // reflect.Type → bool

// whole is an answer whose lists are all there. What it changes is a copy: the answer may
// be held by others too.
func whole(v any) any {
	if v == nil {
		return v
	}
	if out, changed := wholeValue(reflect.ValueOf(v)); changed {
		return out.Interface()
	}
	return v
}

func canLack(t reflect.Type) bool {
	if known, ok := lacking.Load(t); ok {
		return known.(bool)
	}
	can := searchLack(t, map[reflect.Type]bool{})
	lacking.Store(t, can)
	return can
}

func searchLack(t reflect.Type, above map[reflect.Type]bool) bool {
	if above[t] {
		return false
	}
	above[t] = true
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return searchLack(t.Elem(), above)
	case reflect.Map:
		return isList(t.Elem()) || searchLack(t.Elem(), above)
	case reflect.Struct:
		for i := range t.NumField() {
			if f := t.Field(i); f.IsExported() && (isList(f.Type) && !mayLack(f) || searchLack(f.Type, above)) {
				return true
			}
		}
	}
	return false
}

// isList reports whether a type is told as a list: bytes are told as text.
func isList(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t.Elem().Kind() != reflect.Uint8
}

// mayLack reports whether a field is left out where it is empty.
func mayLack(f reflect.StructField) bool {
	name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name == "-" || strings.Contains(options, "omit")
}

func wholeValue(v reflect.Value) (reflect.Value, bool) {
	if !canLack(v.Type()) {
		return v, false
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return v, false
		}
		if inner, changed := wholeValue(v.Elem()); changed {
			out := reflect.New(v.Type().Elem())
			out.Elem().Set(inner)
			return out, true
		}
	case reflect.Struct:
		return wholeFields(v)
	case reflect.Slice, reflect.Array:
		var out reflect.Value
		for i := range v.Len() {
			inner, changed := wholeValue(v.Index(i))
			if !changed {
				continue
			}
			if !out.IsValid() {
				out = reflect.New(v.Type()).Elem()
				if v.Kind() == reflect.Slice {
					out.Set(reflect.AppendSlice(reflect.MakeSlice(v.Type(), 0, v.Len()), v))
				} else {
					out.Set(v)
				}
			}
			out.Index(i).Set(inner)
		}
		if out.IsValid() {
			return out, true
		}
	case reflect.Map:
		var out reflect.Value
		for _, key := range v.MapKeys() {
			inner, changed := wholeList(v.MapIndex(key))
			if !changed {
				continue
			}
			if !out.IsValid() {
				out = reflect.MakeMap(v.Type())
				for _, key := range v.MapKeys() {
					out.SetMapIndex(key, v.MapIndex(key))
				}
			}
			out.SetMapIndex(key, inner)
		}
		if out.IsValid() {
			return out, true
		}
	}
	return v, false
}

func wholeFields(v reflect.Value) (reflect.Value, bool) {
	var out reflect.Value
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if !f.IsExported() {
			continue
		}
		inner, changed := reflect.Value{}, false
		if mayLack(f) {
			inner, changed = wholeValue(v.Field(i))
		} else {
			inner, changed = wholeList(v.Field(i))
		}
		if !changed {
			continue
		}
		if !out.IsValid() {
			out = reflect.New(v.Type()).Elem()
			out.Set(v)
		}
		out.Field(i).Set(inner)
	}
	if out.IsValid() {
		return out, true
	}
	return v, false
}

// wholeList is wholeValue of what must not lack.
func wholeList(v reflect.Value) (reflect.Value, bool) {
	if isList(v.Type()) && v.IsNil() {
		return reflect.MakeSlice(v.Type(), 0, 0), true
	}
	return wholeValue(v)
}

// neverNull says in the document that lists of answers are lists. What is asked may say
// null for an empty one, as it always could.
func neverNull(oapi *huma.OpenAPI) {
	schemas := oapi.Components.Schemas.Map()
	asked := map[string]bool{}
	var follow func(*huma.Schema)
	follow = func(s *huma.Schema) {
		if s == nil {
			return
		}
		if name := s.Ref[strings.LastIndex(s.Ref, "/")+1:]; name != "" && !asked[name] {
			asked[name] = true
			follow(schemas[name])
		}
		follow(s.Items)
		if more, ok := s.AdditionalProperties.(*huma.Schema); ok {
			follow(more)
		}
		for _, p := range s.Properties {
			follow(p)
		}
	}
	for _, item := range oapi.Paths {
		if item.Post != nil && item.Post.RequestBody != nil {
			for _, media := range item.Post.RequestBody.Content {
				follow(media.Schema)
			}
		}
	}
	var listsOf func(*huma.Schema)
	listsOf = func(s *huma.Schema) {
		if s == nil {
			return
		}
		if s.Type == huma.TypeArray {
			s.Nullable = false
		}
		listsOf(s.Items)
		if more, ok := s.AdditionalProperties.(*huma.Schema); ok {
			listsOf(more)
		}
		for _, p := range s.Properties {
			listsOf(p)
		}
	}
	for name, s := range schemas {
		if !asked[name] {
			listsOf(s)
		}
	}
}
