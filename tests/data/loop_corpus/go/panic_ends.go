package main

func main() {
	n := 0
	for {
		n++
		if n == 10 {
			panic("ten")
		}
	}
}
