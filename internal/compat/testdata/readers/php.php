<?php
// Prints what a reader for PHP makes of files: a list of {values} or {error}.
// Arguments: the reader, for each file the file and a directory where it is called .env.

$readers = [
    'symfony' => function ($file) {
        require_once 'Symfony/Component/Dotenv/autoload.php';
        return (new Symfony\Component\Dotenv\Dotenv())->parse(file_get_contents($file), $file);
    },
    'phpdotenv' => function ($file) {
        require_once 'Dotenv/autoload.php';
        return Dotenv\Dotenv::parse(file_get_contents($file));
    },
    'json_decode' => fn ($file) => json_decode(file_get_contents($file), true, 512, JSON_THROW_ON_ERROR),
];

$read = $readers[$argv[1]];
$all = [];
for ($i = 2; $i < $argc; $i += 2) {
    try {
        $all[] = ['values' => (object) $read($argv[$i])];
    } catch (Throwable $e) {
        $all[] = ['error' => get_class($e) . ': ' . $e->getMessage()];
    }
}
echo "\n", json_encode($all, JSON_THROW_ON_ERROR | JSON_INVALID_UTF8_SUBSTITUTE), "\n";
