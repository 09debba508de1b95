<?php
function ids() {
    $i = 0;
    while (true) {
        yield $i++;
    }
}
foreach (ids() as $id) {
    if ($id > 3) break;
    echo $id;
}
