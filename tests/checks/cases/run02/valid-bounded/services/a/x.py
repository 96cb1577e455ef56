import aiohttp
import asyncpg

SESSION = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5))
OTHER = asyncpg.connect("postgresql://x", timeout=5)
