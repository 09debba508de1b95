package main

import "fmt"

func main() {
	n := 0
	for {
		switch n {
		case 0:
			fmt.Println("zero")
			break
		default:
			break
		}
	}
}
