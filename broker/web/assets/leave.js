// Sends the form that leads back to the service. Without script the citizen presses its button.
document.getElementById("leave").submit();
