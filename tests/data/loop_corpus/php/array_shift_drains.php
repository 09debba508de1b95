<?php
$q = [1, 2, 3];
while ($q) {
    array_shift($q);
}
