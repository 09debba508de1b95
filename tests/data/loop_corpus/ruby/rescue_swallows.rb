tries = 0
loop do
  begin
    tries += 1
    raise ArgumentError, "no"
  rescue ArgumentError
    puts "again #{tries}"
  end
end
