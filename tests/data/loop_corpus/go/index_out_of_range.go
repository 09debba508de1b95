package main

import "fmt"

func main() {
	a := []int{1, 2, 3}
	i := 0
	for {
		fmt.Println(a[i])
		i++
	}
}
