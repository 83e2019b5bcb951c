module omsbox

go 1.26.0
