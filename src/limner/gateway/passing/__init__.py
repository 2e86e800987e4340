"""Chats without our tool."""
