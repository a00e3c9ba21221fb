// Package access owns who may ask what of a node's local interface: scopes, expiring
// tokens, and the users with their roles. It answers no request itself, and it never
// keeps a token: only the SHA-256 of each, in one file of the home.
//
// An endpoint names one Scope. A caller has a Set of them: the owner of the node has all,
// a token those it was made with, less what its user's role no longer allows. Open is what
// may be asked without any token where the node is set to be public.
package access
