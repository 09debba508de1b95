package main

func main() {
	q := []int{1, 2, 3}
	for len(q) > 0 {
		q = q[1:]
	}
}
