package main

import "fmt"

func main() {
	n := 0
	for {
		fmt.Println(n)
		n++
	}
}
