document.getElementById("app").innerHTML = "<h1>Ferry timetable</h1><p>North pier: 07:10, 11:40, 18:05</p>";
