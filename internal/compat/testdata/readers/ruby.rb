# Prints what a reader for Ruby makes of files: a list of {values} or {error}.
# Arguments: the reader, for each file the file and a directory where it is called .env.
require "json"

READERS = {
  "dotenv" => ->(file) { require "dotenv"; Dotenv::Environment.new(file, true) },
  "psych" => ->(file) { require "yaml"; YAML.safe_load(File.read(file, encoding: "UTF-8")) },
  "json" => ->(file) { JSON.parse(File.read(file, encoding: "UTF-8")) },
}

reader, *files = ARGV
all = files.each_slice(2).map do |file, _|
  { values: READERS.fetch(reader).call(file) }
rescue StandardError, ScriptError => e
  { error: "#{e.class}: #{e.message}" }
end
puts "\n" + JSON.generate(all)
