int main(void) {
    int n = 1;
    for (;;) {
        n = n * 3;
        if (n > 1000)
            return 0;
    }
}
