#!/bin/sh
# In a .env file A="C:\\new" is the text C:\new for phpdotenv, and one would think for all:
# the backslash is escaped. Symfony's and Ruby's dotenv make a line's end of the n all
# the same, and keep the backslash or lose it, without an error. Symfony replaces \n in the
# text before it looks at \\, and Ruby's does too, before it takes every other backslash away.
# So neither has a spelling between double quotes for a backslash before n or r; between
# single quotes, where nothing is escaped, all three read C:\new of 'C:\new'.
# Needs apt (Debian 12), php and ruby; what it fetches goes into a temporary directory.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
chmod 755 .
for package in php-symfony-dotenv=5.4.53+dfsg-0+deb12u1 php-symfony-deprecation-contracts php-vlucas-phpdotenv=5.4.1-1 php-phpoption \
	php-graham-campbell-result-type ruby-dotenv=2.4.0-2; do
	apt-get download -qq "$package" >/dev/null 2>&1 || { echo "cannot download $package" >&2; exit 1; }
done
for package in ./*.deb; do dpkg-deb -x "$package" root; done

cat >.env <<'TEXT'
A="C:\\new"
B='C:\new'
TEXT
cat >read.php <<'TEXT'
<?php
set_include_path("$argv[1]/root/usr/share/php");
require 'Symfony/Component/Dotenv/autoload.php';
require 'Dotenv/autoload.php';
$text = file_get_contents('.env');
foreach (['symfony/dotenv 5.4.53' => (new Symfony\Component\Dotenv\Dotenv())->parse($text), 'vlucas/phpdotenv 5.4.1' => Dotenv\Dotenv::parse($text)] as $name => $read) {
    printf("%s: A=%s B=%s\n", $name, json_encode($read['A']), json_encode($read['B']));
}
TEXT
cat >read.rb <<'TEXT'
require "json"
require "dotenv"
read = Dotenv::Environment.new(".env", true)
puts "Ruby's dotenv 2.4.0: A=#{read["A"].to_json} B=#{read["B"].to_json}"
TEXT
{
	php read.php "$work"
	ruby -I "$(dirname "$(find "$work/root" -name dotenv.rb | head -n 1)")" read.rb
} >seen
cat seen
cat >expected <<'TEXT'
symfony/dotenv 5.4.53: A="C:\\\new" B="C:\\new"
vlucas/phpdotenv 5.4.1: A="C:\\new" B="C:\\new"
Ruby's dotenv 2.4.0: A="C:\new" B="C:\\new"
TEXT
diff expected seen >&2 || { echo "changed" >&2; exit 1; }
