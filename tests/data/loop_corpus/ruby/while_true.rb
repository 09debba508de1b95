n = 0
while true
  n += 1
  puts "n = #{n}"
end
