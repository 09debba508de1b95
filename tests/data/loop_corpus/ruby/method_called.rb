def serve
  loop { puts "serving" }
end

serve
