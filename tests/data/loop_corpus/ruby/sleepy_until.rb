done = false
until done
  sleep 1
  puts "not done"
end
