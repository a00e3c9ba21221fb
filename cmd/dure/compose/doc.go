// Package compose owns the trial of the container federation: docker-compose.yml and the
// Dockerfile as they are shipped, started for real where a Docker engine runs. Everything
// in it is a test; it is never part of the program and changes nothing outside its own
// project.
//
// No image is pulled. Unless GO_IMAGE names an image with Go, the build stage runs on an
// image that the test makes itself, in which go is a program that hands over the binary
// that was just built outside: the Dockerfile is followed step by step, only compiling
// takes place once, on this machine, instead of a second time without a cache.
package compose
