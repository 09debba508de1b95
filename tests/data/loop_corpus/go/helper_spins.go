package main

import "fmt"

func spin() {
	for true {
		fmt.Println("spinning")
	}
}

func main() {
	spin()
}
