package main

import "fmt"

func bump(p *int) { *p++ }

func main() {
	i := 0
	for i < 3 {
		bump(&i)
	}
	fmt.Println(i)
}
