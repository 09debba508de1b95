package main

import "os"

func main() {
	n := 0
	for {
		n += 7
		if n > 100 {
			os.Exit(0)
		}
	}
}
