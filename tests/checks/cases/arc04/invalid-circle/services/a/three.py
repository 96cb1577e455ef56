from services.a.one import ONE

THREE = 3
