count = 0
begin
  count += 1
  puts count
end while true
