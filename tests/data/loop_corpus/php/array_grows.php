<?php
$a = [1];
for ($i = 0; $i < count($a); $i++) {
    $a[] = $i;
}
