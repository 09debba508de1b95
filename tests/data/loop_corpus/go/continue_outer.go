package main

func main() {
	n := 0

outer:
	for {
		for i := 0; i < 10; i++ {
			n++
			continue outer
		}
	}
}
