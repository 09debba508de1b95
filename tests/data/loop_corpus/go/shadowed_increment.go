package main

import "fmt"

func main() {
	i := 0
	for i < 3 {
		i := i + 1
		fmt.Println(i)
	}
}
