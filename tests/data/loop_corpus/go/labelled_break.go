package main

import "fmt"

func main() {
	n := 0
loop:
	for {
		switch {
		case n > 3:
			break loop
		}
		n++
	}
	fmt.Println(n)
}
