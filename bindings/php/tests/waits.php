<?php
// A read for which nothing comes: Ctrl-C ends the program. Started by bindings/php/test.

declare(strict_types=1);

require __DIR__ . '/../src/Anysock.php';

[$first, $second] = Anysock\Socket::pair();
echo "waiting\n";
$first->read();
