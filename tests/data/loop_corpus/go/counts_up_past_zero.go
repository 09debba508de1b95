package main

import "fmt"

func main() {
	for i := 5; i >= 0; i++ {
		fmt.Println(i)
	}
}
